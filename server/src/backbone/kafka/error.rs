//! Why a gateway cannot start with this backbone.

/// What is in the way at the start. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No broker answers.
    #[error("backbone.url: no Kafka broker answers at {brokers}: {reason}")]
    Unreachable {
        /// As configured.
        brokers: String,
        /// What did not succeed.
        reason: String,
    },
    /// The client library refuses its settings.
    #[error("backbone.url: the Kafka client cannot be set up: {0}")]
    Client(String),
    /// The topic belongs to a fleet with another number of partitions.
    #[error(
        "backbone.shards: found {found}; the Kafka topic {topic} has {partitions} partitions: topics would be looked for in the wrong ones; set backbone.shards = {partitions}, or choose another backbone.name"
    )]
    Partitions {
        /// Its name.
        topic: String,
        /// As configured.
        found: usize,
        /// As the broker says.
        partitions: usize,
    },
    /// The topic cannot be created.
    #[error("the Kafka topic {topic} cannot be created: {reason}")]
    Create {
        /// Its name.
        topic: String,
        /// As the broker says it.
        reason: String,
    },
    /// The log does not take records, or does not give them back.
    #[error("the Kafka topic {topic}: {reason}")]
    Log {
        /// Its name.
        topic: String,
        /// What did not succeed.
        reason: String,
    },
}

impl StartError {
    /// Whether another try may succeed: a broker that starts, a leader that is not elected yet.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Partitions { .. })
    }
}
