//! A table that scrolls by itself if the window is narrow, so that the page never does.

use leptos::prelude::*;

/// Head and scroller; the rows are the children. Focusable, because a keyboard must be able to
/// scroll it.
#[component]
pub(crate) fn Table(
    /// The table's name, for screen readers.
    label: &'static str,
    /// The columns' names.
    columns: &'static [&'static str],
    /// Whether all columns but the first and the last are numbers.
    #[prop(optional)]
    numbers: bool,
    /// The rows.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-scroll gap-top" tabindex="0" role="region" aria-label=format!("{label}, table")>
            <table class="table" data-numbers=numbers.then_some("")>
                <thead>
                    <tr>{columns.iter().map(|&name| view! { <th scope="col">{name}</th> }).collect_view()}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}
