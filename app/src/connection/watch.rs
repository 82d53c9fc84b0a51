//! Detects a dead connection. A browser does not notice a network that drops all packets, so the
//! page sends the protocol's `ping` if the connection may be dead, and drops the connection if no
//! answer comes.

use super::{line::Line, state::Link};
use crate::browser;
use leptos::{ev, prelude::*};
use protocol::ClientFrame;
use std::time::Duration;

/// After this time without a frame the connection may be dead, in milliseconds.
const SILENCE: f64 = 60_000.0;
/// How often the page checks.
const LOOK: Duration = Duration::from_secs(10);
/// How long the gateway may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the connection and the browser's network events until the owner is cleaned up.
pub(crate) fn watch(line: Line) {
    let offline = window_event_listener(ev::offline, move |_| line.doubt());
    let online = window_event_listener(ev::online, move |_| {
        line.doubt();
        line.try_now();
    });
    let look = set_interval_with_handle(
        move || {
            if browser::now() - line.heard.get_value() > SILENCE {
                line.doubt();
            }
        },
        LOOK,
    );
    on_cleanup(move || {
        offline.remove();
        online.remove();
        if let Ok(look) = look {
            look.clear();
        }
    });
}

impl Line {
    /// Pings the gateway, if the connection is set up: before that, the gateway has its own time
    /// limit.
    fn doubt(self) {
        if self.link.with_untracked(|link| *link != Link::Open) || !self.is_set_up() {
            return;
        }
        let (number, asked) = (self.number(), browser::now());
        // A ping can always be encoded.
        self.send(&serde_json::to_string(&ClientFrame::Ping).unwrap_or_default());
        let give_up = move || {
            if number == self.number() && self.heard.get_value() < asked {
                self.break_off("the gateway did not answer a ping");
            }
        };
        set_timeout(give_up, PATIENCE);
    }
}
