//! How the page goes on after a line has ended: it waits, connects again, and sends the `setup`
//! that the [`Ledger`] makes. The reader can switch that off, stop a wait, and cut the line to see
//! it happen.
//!
//! [`Ledger`]: crate::checks::Ledger

use super::{
    line::Line,
    retry,
    socket::Event,
    state::{Ending, Link},
};
use crate::{
    browser,
    checks::Ledger,
    log::{clock, entry::Content},
};
use leptos::prelude::*;
use std::time::Duration;

/// Where the browser keeps that the page is not to connect by itself.
const KEY: &str = "reconnect";
const OFF: &str = "off";

impl Line {
    /// Takes over what the reader chose on an earlier visit.
    pub(crate) fn recall(self) {
        self.automatic.set(browser::stored(KEY).as_deref() != Some(OFF));
    }

    /// Whether the page is to connect again by itself, for good. Switched off, a wait ends.
    pub(crate) fn set_automatic(self, automatic: bool) {
        self.automatic.set(automatic);
        browser::store(KEY, (!automatic).then_some(OFF));
        if !automatic {
            self.stop_waiting();
        }
    }

    /// The `setup` by which a reader can go on himself; `None` where there is no session.
    pub(crate) fn resumption(self) -> Option<String> {
        self.ledger.with_value(Ledger::resumption)
    }

    /// Cuts the line as a failing network would: no close frame is waited for.
    pub(crate) fn break_off(self, why: &str) {
        if self.link.with_untracked(|link| *link == Link::Open) {
            self.socket.set_value(None);
            self.on(self.number(), Event::Closed { code: 1006, reason: why.to_owned() });
        }
    }

    /// Waits, then tries again.
    pub(super) fn wait(self, attempt: u32, ending: Ending) {
        let delay = retry::delay(attempt, browser::chance());
        let positions = self.ledger.with_value(Ledger::positions);
        let from = if positions.is_empty() {
            String::new()
        } else {
            format!(" · resume from {positions}")
        };
        let seconds = delay.as_secs_f64();
        let shown = clock::tenths(seconds);
        let what = format!("connecting again in {shown} s, attempt {attempt}{from}").into();
        self.feed().record(|store| store.event(browser::now(), Content::Waiting { what }, None));
        self.link.set(Link::Waiting { attempt, ending });
        let number = self.next_number();
        self.count_down(number, browser::now() + seconds * 1000.0);
        let due = move || {
            if number == self.number() {
                self.try_now();
            }
        };
        set_timeout(due, delay);
    }

    /// Ends a wait by the attempt that it is for.
    pub(crate) fn try_now(self) {
        if let Link::Waiting { attempt, .. } = self.link.get_untracked() {
            self.begin(self.resumption(), attempt);
        }
    }

    /// Ends a wait for good.
    pub(super) fn stop_waiting(self) {
        if let Link::Waiting { ending, .. } = self.link.get_untracked() {
            self.next_number();
            self.link.set(Link::Closed(ending));
        }
    }

    /// Says how long the wait still lasts, second by second.
    fn count_down(self, number: u64, until: f64) {
        let left = ((until - browser::now()) / 1000.0).ceil();
        if number == self.number() && left > 0.0 {
            self.seconds_left.set(left as u32);
            set_timeout(move || self.count_down(number, until), Duration::from_secs(1));
        }
    }
}
