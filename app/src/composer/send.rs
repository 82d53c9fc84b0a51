//! Send: sends exactly one frame, over the open connection or over one that is opened for it.

use super::state::{Composer, Draft};
use crate::connection::{Line, Link};
use leptos::prelude::*;

/// Sends the composed frame; connects first if there is no connection.
pub(crate) fn send(composer: Composer, line: Line) {
    let Draft { text, .. } = untrack(|| composer.draft());
    match line.link.get_untracked() {
        Link::Open if line.send(&text) => composer.sent(),
        Link::Idle | Link::Closed(_) | Link::Failed(_) => {
            line.connect(Some(text));
            if line.link.with_untracked(Link::is_busy) {
                composer.sent();
            }
        }
        Link::Open | Link::Connecting | Link::Closing | Link::Waiting { .. } => {}
    }
}

/// The button's label.
pub(crate) fn label(composer: Composer, line: Line) -> String {
    let fits = composer.draft().wrong.is_empty();
    let what = if fits { composer.shown_kind() } else { "all the same" };
    let open =
        line.link.with(|link| matches!(link, Link::Open | Link::Closing | Link::Waiting { .. }));
    if open { format!("Send {what}") } else { format!("Connect and send {what}") }
}
