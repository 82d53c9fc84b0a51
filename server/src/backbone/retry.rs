//! Which server is tried next, and when. All gateways of a fleet may have lost their server at once,
//! so a part of the time is left to chance, and so is the server that is tried first: gateways spread
//! over the servers of a cluster.

use crate::chance;
use std::time::Duration;
use tokio::time::sleep;

const FIRST: Duration = Duration::from_millis(50);

/// Short enough that `/readyz` answers 200 within two seconds of a server's return.
const LONGEST: Duration = Duration::from_millis(800);

/// The rest of a pause is left to chance.
const LEAST: f64 = 0.5;

#[derive(Debug)]
pub(in crate::backbone) struct Retry {
    /// Counted round the configured ones.
    server: usize,
    pause: Duration,
}

impl Retry {
    pub(in crate::backbone) fn new() -> Self {
        Self { server: usize::from(chance::draw::<u16>()), pause: FIRST }
    }

    /// The server that is to be tried, of these. There is one at least.
    pub(in crate::backbone) fn server<'a, S>(&self, servers: &'a [S]) -> &'a S {
        &servers[self.server % servers.len()]
    }

    /// Waits, longer with each call, and goes on to the next server.
    pub(in crate::backbone) async fn pause(&mut self) {
        sleep(chance::part_of(self.pause, LEAST)).await;
        self.pause = (self.pause * 2).min(LONGEST);
        self.server += 1;
    }

    /// The next pause is short again.
    pub(in crate::backbone) fn succeeded(&mut self) {
        self.pause = FIRST;
    }
}
