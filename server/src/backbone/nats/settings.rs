//! What this backbone takes from the configuration.

use crate::config::Config;
use std::{path::PathBuf, time::Duration};

/// The least that a stream may take, so that `history.total_bytes = 0` does not mean a stream
/// without a limit.
const LEAST_BYTES: usize = 16 * 1024 * 1024;

/// Beyond the longest time for which something must be provable: what expires meanwhile is not
/// mistaken for what has expired.
const MARGIN: Duration = Duration::from_secs(10);

/// How the fleet's log is reached and kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers, each tried in turn.
    pub(super) urls: Vec<async_nats::ServerAddr>,
    /// The prefix of streams and subjects.
    pub(super) name: String,
    pub(super) shards: usize,
    /// Copies of each stream.
    pub(super) replicas: usize,
    /// How long a stream keeps a message.
    pub(super) max_age: Duration,
    /// What one stream may take.
    pub(super) max_bytes: usize,
    /// What the records of sessions may take.
    pub(super) session_bytes: usize,
    /// How long a stream compares keys.
    pub(super) window: Duration,
    /// The largest frame of a client, of which a message is a part.
    pub(super) max_frame: usize,
    pub(super) credentials_file: Option<PathBuf>,
}

/// For a record of a session, with its headers.
const SESSION: usize = 512;
/// For a subscription in it: its position and its topic's name.
const SUBSCRIPTION: usize = 128;

/// Room for the detached sessions that one gateway may keep, and for as many with a connection.
fn session_bytes(config: &Config) -> usize {
    let session = &config.session;
    (2 * (session.max * SESSION + session.subscriptions * SUBSCRIPTION)).max(LEAST_BYTES)
}

impl Settings {
    /// As the configuration says.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let backbone = &config.backbone;
        Self {
            urls: backbone.url.servers().to_vec(),
            name: backbone.name.clone(),
            shards: backbone.shards,
            replicas: backbone.replicas,
            max_age: config.log_retention() + MARGIN,
            max_bytes: (config.history.total_bytes / backbone.shards).max(LEAST_BYTES),
            session_bytes: session_bytes(config),
            window: config.dedup.window,
            max_frame: config.limits.max_frame,
            credentials_file: backbone.credentials_file.clone(),
        }
    }
}
