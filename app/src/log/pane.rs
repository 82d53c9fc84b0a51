//! The log as a whole.

use super::{
    bar::Bar,
    empty_state::{EmptyState, EmptyStateHtml},
    log_view::LogView,
    rows::Rows,
    status_bar::StatusBar,
    store::Store,
};
use crate::connection::Connection;
use leptos::prelude::*;

/// Tools, rows or the explanation, and the status bar.
#[component]
pub(crate) fn LogPane(
    /// What is shown.
    log_view: LogView,
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let empty = Memo::new(move |_| log_view.feed.watch(Store::len) == 0);
    let html = EmptyStateHtml::new();
    let body = move || {
        if empty.get() {
            view! { <EmptyState html/> }.into_any()
        } else {
            view! { <Grid log_view again edit/> }.into_any()
        }
    };
    view! {
        <section class="log" id="log" aria-labelledby="log-title">
            <Bar log_view live/>
            {body}
            <StatusBar log_view connection/>
        </section>
    }
    .into_any()
}

#[component]
fn Grid(
    /// What is shown.
    log_view: LogView,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let rows = move || log_view.list.with(|list| list.rows);
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
            <Rows log_view again edit/>
            {move || nothing.get().then(|| view! { <NoMatches log_view/> })}
        </div>
    }
    .into_any()
}

/// Shown if no row passes the filter.
#[component]
fn NoMatches(
    /// What is shown.
    log_view: LogView,
) -> impl IntoView {
    view! {
        <div class="empty log__nothing" role="row">
            <div role="gridcell" class="stack">
                <p class="empty__title">"No row matches"</p>
                <p>"The filter hides all rows."</p>
                <button class="btn" type="button" on:click=move |_| log_view.change_filter(|filter| *filter = Default::default())>
                    "Show all"
                </button>
            </div>
        </div>
    }
    .into_any()
}
