//! Detects a dead connection. A browser does not notice a network that drops all packets, so the
//! page sends the protocol's `ping` if the connection may be dead, and drops the connection if no
//! answer comes.

use super::{driver::Connection, state::ConnectionState};
use crate::browser;
use leptos::{ev, prelude::*};
use protocol::ClientFrame;
use std::time::Duration;

/// After this time without a frame the connection may be dead, in milliseconds.
const IDLE_TIME: f64 = 60_000.0;
/// How often the page checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// How long the gateway may take to answer a ping.
const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Watches the connection and the browser's network events until the owner is cleaned up.
pub(crate) fn watch_liveness(connection: Connection) {
    let offline = window_event_listener(ev::offline, move |_| connection.check_liveness());
    let online = window_event_listener(ev::online, move |_| {
        connection.check_liveness();
        connection.try_now();
    });
    let interval = set_interval_with_handle(
        move || {
            if browser::now() - connection.last_frame_at.get_value() > IDLE_TIME {
                connection.check_liveness();
            }
        },
        CHECK_INTERVAL,
    );
    on_cleanup(move || {
        offline.remove();
        online.remove();
        if let Ok(interval) = interval {
            interval.clear();
        }
    });
}

impl Connection {
    /// Pings the gateway, if the connection is set up: before that, the gateway has its own time
    /// limit.
    fn check_liveness(self) {
        if self.state.with_untracked(|state| *state != ConnectionState::Open) || !self.is_set_up() {
            return;
        }
        let (number, pinged_at) = (self.number(), browser::now());
        // A ping can always be encoded.
        self.send(&serde_json::to_string(&ClientFrame::Ping).unwrap_or_default());
        let give_up = move || {
            if number == self.number() && self.last_frame_at.get_value() < pinged_at {
                self.drop_connection("the gateway did not answer a ping");
            }
        };
        set_timeout(give_up, PONG_TIMEOUT);
    }
}
