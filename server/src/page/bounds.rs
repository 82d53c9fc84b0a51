//! The limits that the page tells of, taken from the configuration, so that it cannot disagree with
//! the gateway.

use app::Bounds;

use crate::config::Config;

/// What `config` allows.
pub fn bounds(config: &Config) -> Bounds {
    let Config { limits, history, session, timeouts, dedup, .. } = config;
    Bounds {
        max_frame: limits.max_frame,
        max_depth: limits.max_depth,
        max_subscriptions: limits.max_subscriptions,
        max_topics: limits.max_topics,
        max_connections: limits.max_connections,
        history_messages: history.messages,
        history_bytes: history.bytes,
        history_age: history.age,
        replay_rate: limits.replay_rate,
        session_ttl: session.ttl,
        send_queue: limits.send_queue,
        setup: timeouts.setup,
        message: timeouts.message,
        ping: timeouts.ping,
        invalid_frames: limits.invalid_frames,
        dedup_window: dedup.window,
        dedup_keys: dedup.max_keys,
        dedup_keys_per_user: dedup.max_keys_per_user,
    }
}
