//! A client's silence, measured in ticks of the dial that visits all connections
//! (`registry::connections`): a byte that comes costs one store, and no look at the clock.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// What a visit has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    Ping,
    /// Nothing came for two ping intervals: close.
    Dead,
}

#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// The tick in which something came last. Ticks go round: two intervals are 128 of them at
    /// most.
    heard: AtomicU8,
    /// The gateway does not read the client, so silence says nothing.
    is_unread: AtomicBool,
    /// The next visit is the second one of a ping interval: it sends the interval's ping.
    is_second: AtomicBool,
}

impl Heartbeat {
    /// Something came from the client in tick `now`.
    pub(super) fn heard(&self, now: u8) {
        self.heard.store(now, Relaxed);
    }

    /// Notes whether the gateway reads the client, from tick `now` on. Returns whether that is new.
    pub(super) fn set_read(&self, is_read: bool, now: u8) -> bool {
        let is_new = self.is_unread.load(Relaxed) == is_read;
        if is_new {
            self.heard(now);
            self.is_unread.store(!is_read, Relaxed);
        }
        is_new
    }

    /// A visit in tick `now`. There are two in each ping interval, `apart` ticks apart.
    pub(super) fn beat(&self, now: u8, apart: u8) -> Beat {
        let is_second = self.is_second.fetch_xor(true, Relaxed);
        if self.is_unread.load(Relaxed) {
            self.heard(now);
        }
        let silence = now.wrapping_sub(self.heard.load(Relaxed));
        if silence >= 4 * apart {
            Beat::Dead
        } else if is_second || silence > apart {
            Beat::Ping
        } else {
            Beat::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Beat::*, *};

    const APART: u8 = 32;

    /// Visits in a row, the first one half an interval after tick 0.
    fn visits(heartbeat: &Heartbeat, count: u8, before: impl Fn(u8)) -> Vec<Beat> {
        (1..=count)
            .map(|visit| {
                before(visit);
                heartbeat.beat(tick_of(visit), APART)
            })
            .collect()
    }

    /// Ticks go round.
    fn tick_of(visit: u8) -> u8 {
        visit.wrapping_mul(APART)
    }

    #[test]
    fn a_client_that_answers_gets_one_ping_an_interval() {
        let heartbeat = Heartbeat::default();
        let answer = |visit: u8| heartbeat.heard(tick_of(visit - 1));
        assert_eq!(visits(&heartbeat, 20, answer), [Nothing, Ping].repeat(10));
    }

    #[test]
    fn silence_gets_a_second_ping_early_and_is_dead_after_two_intervals() {
        let heartbeat = Heartbeat::default();
        assert_eq!(visits(&heartbeat, 4, |_| {}), [Nothing, Ping, Ping, Dead]);
    }

    #[test]
    fn two_intervals_count_from_the_last_byte_whenever_it_came() {
        let heartbeat = Heartbeat::default();
        let once = |visit: u8| {
            if visit == 2 {
                heartbeat.heard(APART + 1);
            }
        };
        assert_eq!(visits(&heartbeat, 6, once), [Nothing, Ping, Ping, Ping, Ping, Dead]);
    }

    #[test]
    fn a_client_that_is_not_read_gets_pings_and_stays() {
        let heartbeat = Heartbeat::default();
        let stop = |visit: u8| {
            if visit == 3 {
                heartbeat.set_read(false, 2 * APART + 5);
            }
        };
        assert_eq!(
            visits(&heartbeat, 10, stop)[2..],
            [Nothing, Ping, Nothing, Ping, Nothing, Ping, Nothing, Ping]
        );
        heartbeat.set_read(true, tick_of(11));
        assert_eq!(
            heartbeat.beat(tick_of(12), APART),
            Nothing,
            "its silence begins when it is read again"
        );
        assert_eq!(heartbeat.beat(tick_of(15), APART), Dead);
    }
}
