//! Send: sends exactly one frame, over the open connection or over one that is opened for it.

use super::state::{Composer, Draft};
use crate::connection::{Connection, ConnectionState};
use leptos::prelude::*;

/// Sends the composed frame; connects first if there is no connection.
pub(crate) fn send(composer: Composer, connection: Connection) {
    let Draft { text, .. } = untrack(|| composer.draft());
    match connection.state.get_untracked() {
        ConnectionState::Open if connection.send(&text) => composer.sent(),
        ConnectionState::Idle | ConnectionState::Closed(_) | ConnectionState::Failed(_) => {
            connection.connect(Some(text));
            if connection.state.with_untracked(ConnectionState::is_busy) {
                composer.sent();
            }
        }
        ConnectionState::Open
        | ConnectionState::Connecting
        | ConnectionState::Closing
        | ConnectionState::Waiting { .. } => {}
    }
}

/// The button's label.
pub(crate) fn label(composer: Composer, connection: Connection) -> String {
    let fits = composer.draft().wrong.is_empty();
    let what = if fits { composer.shown_kind() } else { "all the same" };
    let open = connection.state.with(|state| {
        matches!(
            state,
            ConnectionState::Open | ConnectionState::Closing | ConnectionState::Waiting { .. }
        )
    });
    if open { format!("Send {what}") } else { format!("Connect and send {what}") }
}
