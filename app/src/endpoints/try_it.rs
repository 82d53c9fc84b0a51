//! A request that can be sent from the page: a form on one side, the request and its answer on the
//! other.

use super::{answer::Outcome, answer_view::AnswerView, code_box::CodeBox, fetch, request::Call};
use crate::static_html;
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The address that is shown until the browser has told its own: the gateway's default.
const DEFAULT_ORIGIN: &str = "http://127.0.0.1:3000";

/// A request that was sent, and its outcome.
#[derive(Debug, Clone, PartialEq)]
struct Exchange {
    call: Call,
    outcome: Outcome,
}

/// A form that sends `call`. Without WebAssembly the browser sends a `GET` itself, and shows the
/// answer as a page.
#[component]
pub(crate) fn TryIt(
    /// The endpoint's path, with its braces.
    path: &'static str,
    /// What the endpoint does, shown above the form.
    text: &'static str,
    /// The request as it would be sent now.
    #[prop(into)]
    call: Signal<Call>,
    /// The API key, if one is needed.
    #[prop(optional, into)]
    key: Option<RwSignal<String>>,
    /// Whether the request cannot be sent. The field at fault says why.
    #[prop(into, default = Signal::stored(false))]
    refused: Signal<bool>,
    /// The fields, if there are any.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let exchange = RwSignal::new(None::<Exchange>);
    let waiting = RwSignal::new(false);
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        if waiting.get_untracked() || refused.get_untracked() {
            return;
        }
        waiting.set(true);
        spawn_local(async move {
            let call = call.get_untracked();
            let key = key.map(|key| key.get_untracked());
            let outcome = fetch::send(&call, key.as_deref()).await;
            exchange.set(Some(Exchange { call, outcome }));
            waiting.set(false);
        });
    };
    view! {
        <form class="stack" method="get" action=move || call.read().target.clone() on:submit=send>
            <p class="spec__text" inner_html=static_html::render(|| text)></p>
            {children.map(|children| children())}
            <div>
                <button
                    class="btn"
                    data-variant="primary"
                    type="submit"
                    data-needs-script=key.is_some()
                    disabled=refused
                    aria-busy=move || waiting.get().then_some("true")
                >
                    "Try it"
                </button>
            </div>
        </form>
        <div class="stack">
            <RequestBox path call/>
            <AnswerBox path exchange call/>
        </div>
    }
}

#[component]
fn RequestBox(path: &'static str, call: Signal<Call>) -> impl IntoView {
    let origin = RwSignal::new(DEFAULT_ORIGIN.to_owned());
    Effect::new(move |_| {
        if let Ok(found) = window().location().origin() {
            origin.set(found);
        }
    });
    let line = Signal::derive(move || call.read().curl(&origin.read()));
    view! {
        <CodeBox name=format!("Request to {path}") bar="Request".into_any() copy_label="Copy the curl command" text=line>
            {move || call.with(|call| format!("{} {}{}", call.method(), origin.read(), call.target))} "\n" {line}
        </CodeBox>
    }
}

/// The answer. If the form was changed since, it names the request that it belongs to. Announced in
/// a sentence when it arrives.
#[component]
fn AnswerBox(
    path: &'static str,
    exchange: RwSignal<Option<Exchange>>,
    call: Signal<Call>,
) -> impl IntoView {
    let earlier = move || {
        exchange
            .read()
            .as_ref()
            .filter(|exchange| exchange.call != *call.read())
            .map(|exchange| exchange.call.target.clone())
    };
    let announcement = move || exchange.read().as_ref().map(|exchange| exchange.outcome.sentence());
    view! {
        <p class="visually-hidden" role="status">{announcement}</p>
        {move || exchange.get().map(|exchange| view! { <AnswerView path outcome=exchange.outcome/> })}
        {move || earlier().map(|target| view! { <p class="answer-note">"Answer to the earlier request: " <code>{target}</code></p> })}
    }
}
