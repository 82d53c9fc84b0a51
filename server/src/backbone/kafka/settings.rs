//! What this backbone takes from the configuration.

use crate::config::Config;
use std::time::Duration;

/// The least that a partition may take, so that `history.total_bytes = 0` does not mean a log
/// without a limit.
const LEAST_BYTES: usize = 16 * 1024 * 1024;

/// Beyond the longest time for which something must be provable: what expires meanwhile is not
/// mistaken for what has expired.
const MARGIN: Duration = Duration::from_secs(10);

/// As [`Settings::clocks`].
const CLOCKS: Duration = Duration::from_secs(10);

/// Kafka's own default: a topic that takes less would refuse what other tools expect to fit.
const LEAST_MESSAGE: usize = 1_048_588;

/// What a record has beside its data: topic, message id, headers and Kafka's own framing.
const BESIDE_DATA: usize = 4 * 1024;

/// How the fleet's log is reached and kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port`, separated by commas.
    pub(super) brokers: String,
    /// The Kafka topic.
    pub(super) name: String,
    /// Its partitions.
    pub(super) shards: usize,
    /// Copies of each partition.
    pub(super) replicas: usize,
    /// How long a record is kept.
    pub(super) retention: Duration,
    /// How long records are added to one segment; a segment is dropped as a whole.
    pub(super) segment: Duration,
    /// What one partition may take.
    pub(super) retention_bytes: usize,
    /// The largest record.
    pub(super) max_message: usize,
    /// How long a key is remembered.
    pub(super) window: Duration,
    /// How much the clocks of brokers and gateways may differ: a reader begins a window and this
    /// before the present. If they differ by more, it reads everything that the log has.
    pub(super) clocks: Duration,
    /// Keys that are remembered of one partition.
    pub(super) max_keys: usize,
    /// Topics whose last number is remembered, of one partition.
    pub(super) max_topics: usize,
}

impl Settings {
    /// As the configuration says.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let backbone = &config.backbone;
        let of_each = |all: usize| (all / backbone.shards).max(1);
        Self {
            brokers: backbone.url.brokers().unwrap_or_default().to_owned(),
            name: backbone.name.clone(),
            shards: backbone.shards,
            replicas: backbone.replicas,
            retention: config.log_retention() + MARGIN,
            segment: config.history.age.max(MARGIN),
            retention_bytes: of_each(config.history.total_bytes).max(LEAST_BYTES),
            max_message: (config.limits.max_frame + BESIDE_DATA).max(LEAST_MESSAGE),
            window: config.dedup.window,
            clocks: CLOCKS,
            max_keys: config.dedup.max_keys,
            max_topics: of_each(config.limits.max_topics),
        }
    }
}
