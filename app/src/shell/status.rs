//! The state of the connection: a mark and a word.

use crate::connection::{Connection, ConnectionState};
use leptos::prelude::*;

/// The mark of a state, by the value of `data-state`.
#[component]
pub(crate) fn Mark(
    /// The state.
    state: Signal<&'static str>,
) -> impl IntoView {
    view! { <super::ChangingIcon name=state class="status__mark"/> }
}

/// Mark and word.
#[component]
pub(crate) fn Status(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let state = Signal::derive(move || {
        if live.get() { connection.state.with(ConnectionState::name) } else { "closed" }
    });
    view! {
        <span class="status" data-state=move || state.get()>
            <Mark state/>
            <span>{move || if live.get() { connection.words() } else { "loading".to_owned() }}</span>
        </span>
    }
}
