//! One row: time, direction, kind, topic, number, the frame in a line, size, round trip. If it is
//! unfolded, the whole frame follows below it.

use super::{cells::Cells, detail::Detail, entry::Direction, log_view::LogView};
use crate::browser;
use leptos::{prelude::*, tachys::html::attribute::custom::custom_attribute};

/// A row younger than this is marked as new, in milliseconds …
const FRESH: f64 = 400.0;
/// … unless this many rows came within half a second.
const BURST: u64 = 10;

/// The row with this id, with its details if it is unfolded.
#[component]
pub(crate) fn Row(
    /// The log's view.
    log_view: LogView,
    /// The row's id.
    id: u64,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let timezone = log_view.timezone.get_untracked();
    let cells = log_view.feed.read(|store| Some(Cells::of(store.get(id)?, timezone)))?;
    let fresh = is_fresh(log_view, id);
    let event = cells.direction.is_none();
    let (bad, down, duplicate, answers) = (cells.bad, cells.down, cells.duplicate, cells.answers);
    let open = move || log_view.open.get() == Some(id);
    let (kind, direction) = (cells.kind, cells.direction.map(Direction::as_str));
    let html = move || log_view.needle.with(|needle| cells.html(needle));
    Some(
        view! {
            <div
                class="row"
                role="row"
                id=format!("row-{id}")
                {..custom_attribute("aria-level", "1")}
                aria-rowindex=move || log_view.place(id).map(|place| place.to_string())
                aria-expanded=move || open().to_string()
                tabindex=move || if log_view.tab_stop.get() == Some(id) { "0" } else { "-1" }
                data-id=id.to_string()
                data-kind=kind
                data-dir=direction
                data-event=event.then_some("")
                data-flag=duplicate.then_some("duplicate")
                data-tone=bad.then_some("bad")
                data-wire=down.then_some("down")
                data-fresh=fresh.then_some("")
                data-link=move || log_view.link(id, answers)
                inner_html=html
            ></div>
            {move || open().then(|| view! { <Detail log_view id again edit/> })}
        }
        .into_any(),
    )
}

fn is_fresh(log_view: LogView, id: u64) -> bool {
    let since = |at: f64| browser::now() - at;
    log_view.feed.read(|store| {
        let burst = store
            .get(id.saturating_sub(BURST))
            .filter(|_| id >= BURST)
            .is_some_and(|entry| since(entry.at) < 500.0);
        !burst && store.get(id).is_some_and(|entry| since(entry.at) < FRESH)
    })
}
