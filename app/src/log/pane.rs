//! The log as a whole.

use super::{
    bar::Bar,
    foot::Foot,
    lesson::{Lesson, LessonHtml},
    rows::Rows,
    screen::Screen,
    store::Store,
};
use crate::connection::Line;
use leptos::prelude::*;

/// Tools, rows or the explanation, and the status bar.
#[component]
pub(crate) fn LogPane(
    /// What is shown.
    screen: Screen,
    /// The connection.
    line: Line,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let empty = Memo::new(move |_| screen.feed.watch(Store::len) == 0);
    let html = LessonHtml::new();
    let body = move || {
        if empty.get() {
            view! { <Lesson html/> }.into_any()
        } else {
            view! { <Grid screen again edit/> }.into_any()
        }
    };
    view! {
        <section class="log" id="log" aria-labelledby="log-title">
            <Bar screen live/>
            {body}
            <Foot screen line/>
        </section>
    }
    .into_any()
}

#[component]
fn Grid(
    /// What is shown.
    screen: Screen,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let rows = move || screen.list.with(|list| list.rows);
    let nothing = Memo::new(move |_| rows() == 0);
    view! {
        <div class="log__grid" role="treegrid" aria-label="Frames, oldest first" aria-rowcount=move || rows().to_string()>
            <div role="rowgroup">
                <div class="log__head" role="row">
                    <span role="columnheader">"Time"</span>
                    <span role="columnheader"><span class="log__lanes"><span>"out"</span><span>"in"</span></span></span>
                    <span role="columnheader">"Kind"</span>
                    <span role="columnheader">"Topic"</span>
                    <span role="columnheader">"Seq"</span>
                    <span role="columnheader">"Frame"</span>
                    <span role="columnheader">"Size"</span>
                    <span role="columnheader">"Round trip"</span>
                </div>
            </div>
            <Rows screen again edit/>
            {move || nothing.get().then(|| view! { <Nothing screen/> })}
        </div>
    }
    .into_any()
}

/// Shown if no row passes the filter.
#[component]
fn Nothing(
    /// What is shown.
    screen: Screen,
) -> impl IntoView {
    view! {
        <div class="empty log__nothing" role="row">
            <div role="gridcell" class="stack">
                <p class="empty__title">"No row fits"</p>
                <p>"All rows are there; the filter shows none of them."</p>
                <button class="btn" type="button" on:click=move |_| screen.change_filter(|filter| *filter = Default::default())>
                    "Show all"
                </button>
            </div>
        </div>
    }
    .into_any()
}
