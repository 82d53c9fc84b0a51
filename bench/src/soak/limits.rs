//! The configuration of the gateway under load: small enough that every limit is reached, and that
//! everything expires within seconds after all clients have left.

use std::time::Duration;

/// Messages that are kept per topic.
pub(super) const HISTORY: u64 = 300;
/// How long a message is kept.
pub(super) const HISTORY_AGE: Duration = Duration::from_secs(3);
/// How long a session outlives its connection.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(3);
/// Sessions without a connection.
pub(super) const SESSIONS: usize = 100;
/// Message ids that are remembered in all.
pub(super) const DEDUP_KEYS: u64 = 4_000;
/// Topics that one connection may be subscribed to.
pub(super) const SUBSCRIPTIONS: usize = 40;
/// The time between two pings.
pub(super) const PING: Duration = Duration::from_secs(5);
/// The time limit for setting up a connection, and for sending a request.
pub(super) const SETUP: Duration = Duration::from_secs(2);
/// WebSocket connections at once.
pub(super) const CONNECTIONS: usize = 300;
/// Publishes of one connection that are allowed at once.
pub(super) const BURST: usize = 1_000;
/// Publishes in a row, refused for their rate, that end a connection.
pub(super) const REFUSALS: usize = 20;
/// Invalid frames in a row that end a connection.
pub(super) const INVALID_FRAMES: usize = 20;
/// Bytes of the largest frame.
pub(super) const FRAME: usize = 64 * 1024;
/// Bytes per message of the topic with slow readers.
pub(super) const BULK: usize = 48 * 1024;

/// The same as environment variables. `max_topics` and `send_queue` are reached as well.
pub(super) const SETTINGS: [(&str, &str); 21] = [
    ("MICRO_SOCKET_HISTORY__MESSAGES", "300"),
    ("MICRO_SOCKET_HISTORY__AGE", "3s"),
    ("MICRO_SOCKET_HISTORY__BYTES", "1MiB"),
    ("MICRO_SOCKET_HISTORY__META_TTL", "2s"),
    ("MICRO_SOCKET_SESSION__TTL", "3s"),
    ("MICRO_SOCKET_SESSION__MAX", "100"),
    ("MICRO_SOCKET_SESSION__SUBSCRIPTIONS", "1000"),
    ("MICRO_SOCKET_DEDUP__WINDOW", "4s"),
    ("MICRO_SOCKET_DEDUP__MAX_KEYS", "4000"),
    ("MICRO_SOCKET_DEDUP__MAX_KEYS_PER_USER", "500"),
    ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS", "300"),
    ("MICRO_SOCKET_LIMITS__MAX_SUBSCRIPTIONS", "40"),
    ("MICRO_SOCKET_LIMITS__MAX_TOPICS", "250"),
    ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "256KiB"),
    // Low, so that a flood is refused many times between two publishes that pass.
    ("MICRO_SOCKET_LIMITS__PUBLISH_RATE", "500"),
    ("MICRO_SOCKET_LIMITS__PUBLISH_BURST", "1000"),
    ("MICRO_SOCKET_LIMITS__RATE_REFUSALS", "20"),
    ("MICRO_SOCKET_LIMITS__TOPIC_BACKLOG", "64KiB"),
    ("MICRO_SOCKET_TIMEOUTS__SETUP", "2s"),
    ("MICRO_SOCKET_TIMEOUTS__PING", "5s"),
    ("MICRO_SOCKET_TIMEOUTS__DRAIN", "5s"),
];

/// The longest time that anything outlives its client, and a little more: closing a connection that
/// does not answer takes 12 s.
pub(super) const REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str) -> &'static str {
        SETTINGS.iter().find(|(key, _)| key.ends_with(name)).unwrap().1
    }

    #[test]
    fn the_gateway_is_told_what_is_checked() {
        let seconds = |time: Duration| format!("{}s", time.as_secs());
        for (name, value) in [
            ("HISTORY__AGE", HISTORY_AGE),
            ("SESSION__TTL", SESSION_TTL),
            ("TIMEOUTS__PING", PING),
            ("TIMEOUTS__SETUP", SETUP),
        ] {
            assert_eq!(setting(name), seconds(value), "{name}");
        }
        for (name, value) in [
            ("HISTORY__MESSAGES", HISTORY),
            ("SESSION__MAX", SESSIONS as u64),
            ("DEDUP__MAX_KEYS", DEDUP_KEYS),
            ("MAX_CONNECTIONS", CONNECTIONS as u64),
            ("MAX_SUBSCRIPTIONS", SUBSCRIPTIONS as u64),
            ("PUBLISH_BURST", BURST as u64),
            ("RATE_REFUSALS", REFUSALS as u64),
        ] {
            assert_eq!(setting(name), value.to_string(), "{name}");
        }
    }
}
