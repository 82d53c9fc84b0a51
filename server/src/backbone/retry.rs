//! Which server is tried next, and when. All gateways of a fleet may have lost their server at once,
//! so the server that is tried first is left to chance: gateways spread over the servers of a
//! cluster.

use crate::{backoff::Backoff, chance};
use std::time::Duration;

/// Short enough that `/readyz` answers 200 within two seconds of a server's return.
const LONGEST: Duration = Duration::from_millis(800);

#[derive(Debug)]
pub(in crate::backbone) struct Retry {
    /// Counted round the configured ones.
    server: usize,
    backoff: Backoff,
}

impl Retry {
    pub(in crate::backbone) fn new() -> Self {
        Self { server: usize::from(chance::draw::<u16>()), backoff: Backoff::new(LONGEST) }
    }

    /// The server that is to be tried, of these. There is one at least.
    pub(in crate::backbone) fn server<'a, S>(&self, servers: &'a [S]) -> &'a S {
        &servers[self.server % servers.len()]
    }

    /// Waits, longer with each call, and goes on to the next server.
    pub(in crate::backbone) async fn pause(&mut self) {
        self.backoff.pause().await;
        self.server += 1;
    }

    /// The next pause is short again.
    pub(in crate::backbone) fn succeeded(&mut self) {
        self.backoff.reset();
    }
}
