//! Notices a line that is dead without saying so: a browser tells a page nothing of a network that
//! swallows its bytes. Asks by the protocol's `ping` where there is a doubt, and gives the line up
//! when nothing comes back.

use super::{line::Line, state::Link};
use crate::browser;
use leptos::{ev, prelude::*};
use protocol::ClientFrame;
use std::time::Duration;

/// After this long without a frame there is a doubt, in milliseconds.
const SILENCE: f64 = 60_000.0;
/// How often the page looks for it.
const LOOK: Duration = Duration::from_secs(10);
/// How long the gateway may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the line, and what the browser says of the network, until the owner is cleaned up.
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
    /// Asks whether the line still stands, where it is set up: before that, the gateway has its own
    /// limit of time.
    fn doubt(self) {
        if self.link.with_untracked(|link| *link != Link::Open) || !self.is_set_up() {
            return;
        }
        let (number, asked) = (self.number(), browser::now());
        // A ping is always JSON.
        self.send(&serde_json::to_string(&ClientFrame::Ping).unwrap_or_default());
        let give_up = move || {
            if number == self.number() && self.heard.get_value() < asked {
                self.break_off("the gateway did not answer a ping");
            }
        };
        set_timeout(give_up, PATIENCE);
    }
}
