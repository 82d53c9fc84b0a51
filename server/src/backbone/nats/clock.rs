//! The server's clock. Ages of messages are measured by it alone: the clock of a gateway's machine may
//! be wrong by minutes.

use super::stored;
use parking_lot::Mutex;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct ServerClock(Mutex<Option<Reading>>);

/// What it showed, and when.
#[derive(Debug, Clone, Copy)]
struct Reading {
    shown: Duration,
    at: Instant,
}

impl ServerClock {
    /// Reads it from an answer about a stream, which is as old as the way from the server is long.
    pub(super) fn read(&self, info: &Value) {
        if let Some(shown) = info["ts"].as_str().and_then(stored::parse_time) {
            *self.0.lock() = Some(Reading { shown, at: Instant::now() });
        }
    }

    /// The time since 1970; by this machine's clock until the server's was read.
    pub(super) fn now(&self) -> Duration {
        match *self.0.lock() {
            Some(Reading { shown, at }) => shown + at.elapsed(),
            None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_from_what_the_server_said() {
        let clock = ServerClock::default();
        clock.read(&json!({ "ts": "1970-01-01T00:01:00Z" }));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), Duration::from_secs(65));
        clock.read(&json!({ "no": "time" }));
        assert_eq!(clock.now(), Duration::from_secs(65));
    }
}
