//! The time between two tries to connect. All gateways of a fleet may have lost their server at once,
//! so a part of it is left to chance.

use std::time::Duration;
use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(50);

/// Short enough that `/readyz` answers 200 within two seconds of a server's return.
const LONGEST: Duration = Duration::from_millis(800);

/// The number of the server that is tried first, counted round the configured ones: the gateways of a
/// fleet spread over the servers of a cluster.
pub(super) fn first_server() -> usize {
    usize::from(rand::random::<u16>())
}

#[derive(Debug)]
pub(super) struct Retry(Duration);

impl Retry {
    pub(super) const fn new() -> Self {
        Self(FIRST)
    }

    /// Waits, longer with each call.
    pub(super) async fn pause(&mut self) {
        sleep(self.0.mul_f64(1.0 - rand::random::<f64>() / 2.0)).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
