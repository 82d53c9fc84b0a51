//! The empty log: explains how to read it. Rendered on the server only; the browser keeps that HTML
//! for when the log is cleared.

use crate::{shell::Icon, static_html};
use leptos::prelude::*;

/// The HTML of the explanation. A handle: copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct EmptyStateHtml(StoredValue<String>);

impl EmptyStateHtml {
    /// On the server, renders the HTML; the browser reads it from the document after hydration.
    pub(crate) fn new() -> Self {
        let html = StoredValue::new(static_html::render(empty_state));
        Effect::new(move |_| {
            if let Ok(Some(element)) = document().query_selector(".lesson") {
                html.set_value(element.inner_html());
            }
        });
        Self(html)
    }
}

/// The explanation.
#[component]
pub(crate) fn EmptyState(
    /// The HTML.
    html: EmptyStateHtml,
) -> impl IntoView {
    let inner = html.0.get_value();
    view! { <div class="lesson" tabindex="0" role="region" aria-label="How to read the log" inner_html=inner></div> }.into_any()
}

fn empty_state() -> impl IntoView {
    view! {
            <h3>"How to read the log"</h3>
            <p class="lesson__text">
                "Nothing has been sent yet. Connect, then send setup, then publish: every frame is shown here as one row, the newest at the bottom. Rows look like this:"
            </p>
            <div class="lesson__rows" aria-hidden="true">
                <Example kind="publish" own=true time="02.511" seq_no="" body="{\"bid\":100.02}" size="84 B" took=""/>
                <Example kind="ack" own=false time="02.512" seq_no="7" body="msg-7Q2N4KXM" size="96 B" took="0.9 ms"/>
                <Example kind="message" own=false time="02.513" seq_no="7" body="{\"bid\":100.02}" size="99 B" took="1.4 ms"/>
            </div>
            <dl class="anatomy">
                <div>
                    <dt>"out, in"</dt>
                    <dd>"The line in the middle is the wire. Solid arrows from the left are frames that you sent; open arrows from the right came from the gateway."</dd>
                </div>
                <div>
                    <dt>"Kind"</dt>
                    <dd>"The frame's " <code>"type"</code> ". Unfold a row to see all of it, to send it again or to change it."</dd>
                </div>
                <div>
                    <dt>"Seq"</dt>
                    <dd>"The number within its topic, the same for every subscriber. Each message has the next one."</dd>
                </div>
                <div>
                    <dt>"Round trip"</dt>
                    <dd>"From your frame to its answer, or to the delivery of what you published."</dd>
                </div>
            </dl>
    }
}

#[component]
fn Example(
    /// The frame's type.
    kind: &'static str,
    /// Whether the user sent it.
    own: bool,
    /// Seconds of the time.
    time: &'static str,
    /// The number.
    seq_no: &'static str,
    /// The summary.
    body: &'static str,
    /// The size.
    size: &'static str,
    /// The round trip.
    took: &'static str,
) -> impl IntoView {
    let direction = if own { "out" } else { "in" };
    view! {
        <div class="row" data-kind=kind data-dir=direction>
            <span class="row__time"><b>"12:00:"</b>{time}</span>
            <span class="row__wire"><Icon name=direction class="row__arrow"/></span>
            <span class="row__kind">{kind}</span>
            <span class="row__topic">"prices"</span>
            <span class="row__seq">{seq_no}</span>
            <span class="row__body">{(kind == "ack").then(|| view! { <span class="tag">"ok"</span> " " })}{body}</span>
            <span class="row__size">{size}</span>
            <span class="row__took">{took}</span>
        </div>
    }
    .into_any()
}
