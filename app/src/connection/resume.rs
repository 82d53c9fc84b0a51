//! How the page continues after a connection has ended: it waits, reconnects, and sends the `setup`
//! that the [`Tracker`] makes. The user can disable that, stop a wait, and drop the connection to
//! see it happen.
//!
//! [`Tracker`]: crate::checks::Ledger

use super::{
    driver::Connection,
    retry,
    socket::Event,
    state::{CloseInfo, ConnectionState},
};
use crate::{
    browser,
    checks::Tracker,
    log::{clock, entry::Content},
};
use leptos::prelude::*;
use std::time::Duration;

/// The storage key of the choice not to reconnect.
const KEY: &str = "reconnect";
const OFF: &str = "off";

impl Connection {
    /// Restores the user's choice from an earlier visit.
    pub(crate) fn restore_choice(self) {
        self.automatic.set(browser::stored(KEY).as_deref() != Some(OFF));
    }

    /// Sets whether the page reconnects by itself, also for later visits. Switching it off ends a
    /// wait.
    pub(crate) fn set_automatic(self, automatic: bool) {
        self.automatic.set(automatic);
        browser::store(KEY, (!automatic).then_some(OFF));
        if !automatic {
            self.stop_waiting();
        }
    }

    /// The `setup` with which the user can resume by hand; `None` if there is no session.
    pub(crate) fn resumption(self) -> Option<String> {
        self.tracker.with_value(Tracker::resumption)
    }

    /// Drops the connection as a failing network would: does not wait for a close frame.
    pub(crate) fn drop_connection(self, why: &str) {
        if self.state.with_untracked(|state| *state == ConnectionState::Open) {
            self.socket.set_value(None);
            self.on(self.number(), Event::Closed { code: 1006, reason: why.to_owned() });
        }
    }

    /// Waits, then connects again.
    pub(super) fn wait(self, attempt: u32, close: CloseInfo) {
        let delay = retry::delay(attempt, browser::random());
        let positions = self.tracker.with_value(Tracker::positions);
        let from = if positions.is_empty() {
            String::new()
        } else {
            format!(" · resume from {positions}")
        };
        let seconds = delay.as_secs_f64();
        let shown = clock::tenths(seconds);
        let what = format!("connecting again in {shown} s, attempt {attempt}{from}").into();
        self.feed().record(|store| store.event(browser::now(), Content::Waiting { what }, None));
        self.state.set(ConnectionState::Waiting { attempt, close });
        let number = self.next_number();
        self.count_down(number, browser::now() + seconds * 1000.0);
        let due = move || {
            if number == self.number() {
                self.try_now();
            }
        };
        set_timeout(due, delay);
    }

    /// Ends a wait and makes its attempt now.
    pub(crate) fn try_now(self) {
        if let ConnectionState::Waiting { attempt, .. } = self.state.get_untracked() {
            self.start_attempt(self.resumption(), attempt);
        }
    }

    /// Ends a wait without an attempt.
    pub(super) fn stop_waiting(self) {
        if let ConnectionState::Waiting { close, .. } = self.state.get_untracked() {
            self.next_number();
            self.state.set(ConnectionState::Closed(close));
        }
    }

    /// Updates the seconds that remain, once a second.
    fn count_down(self, number: u64, until: f64) {
        let left = ((until - browser::now()) / 1000.0).ceil();
        if number == self.number() && left > 0.0 {
            self.seconds_left.set(left as u32);
            set_timeout(move || self.count_down(number, until), Duration::from_secs(1));
        }
    }
}
