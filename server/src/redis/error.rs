//! Why a gateway cannot start with this server.

/// What is in the way at the start. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file with the address cannot be used.
    #[error("redis.url_file: {path}: {reason}")]
    UrlFile {
        /// The file.
        path: String,
        /// What is wrong with it; never its content.
        reason: String,
    },
    /// The server does not answer.
    #[error("redis.url: the Redis server cannot be reached: {0}")]
    Unreachable(String),
    /// The server refuses the user, the password, or a command that a gateway needs.
    #[error(
        "redis.url: the Redis server refuses the gateway: {0}; check the user and the password in redis.url or redis.url_file, and what that user is allowed to do (docs/redis.md has the list)"
    )]
    Refused(String),
    /// The server is too old.
    #[error("redis.url: the Redis server has version {0}; 7.0 or newer is needed")]
    TooOld(String),
    /// The server would drop keys to make room.
    #[error(
        "redis.url: maxmemory-policy of the Redis server: found {0}; needed: noeviction; with another policy the server drops message ids and sessions without a word"
    )]
    Evicts(String),
    /// The server is part of a cluster, of which a gateway would have to find the right member.
    #[error(
        "redis.url: the Redis server is a member of a Redis Cluster (cluster_enabled is 1), which is not supported; use a server that is none, with replicas if it has to survive a failure"
    )]
    Cluster,
    /// The server is a replica, which takes no writes.
    #[error(
        "redis.url: the Redis server is a replica, found role:{0}; the gateway needs the master"
    )]
    Replica(String),
}

impl StartError {
    /// Whether another try may succeed: a server that starts, a replica that is about to become the
    /// master.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Replica(_))
    }
}
