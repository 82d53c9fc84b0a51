//! The time between two tries to connect. All gateways of a fleet lose the server at once, so a part of
//! it is left to chance.

use crate::chance;
use std::time::Duration;
use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(50);

/// Short enough that `/readyz` answers 200 within two seconds of the server's return.
const LONGEST: Duration = Duration::from_millis(500);

/// The rest of a pause is left to chance.
const LEAST: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Retry(Duration);

impl Retry {
    pub(super) fn new() -> Self {
        Self(FIRST)
    }

    /// Waits, longer with each call. Cancel-safe.
    pub(super) async fn pause(&mut self) {
        sleep(chance::part_of(self.0, LEAST)).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
