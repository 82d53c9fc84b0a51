//! The time between two tries to connect to a server: longer with each try. All gateways of a fleet
//! lose a server at once, so a part of it is left to chance.

use crate::chance;
use std::time::Duration;
use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(50);

/// The rest of a pause is left to chance.
const LEAST: f64 = 0.5;

/// What the next pause is.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses double from 50 ms to `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// Waits, longer with each call. Dropped before its end, it has changed nothing.
    pub(crate) async fn pause(&mut self) {
        sleep(chance::part_of(self.next, LEAST)).await;
        self.next = (self.next * 2).min(self.longest);
    }

    /// The next pause is short again.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }
}
