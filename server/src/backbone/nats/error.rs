//! Why a gateway cannot start with this backbone.

/// What is in the way at the start. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No server answers.
    #[error("backbone.url: no NATS server can be reached: {0}")]
    Unreachable(String),
    /// A server refuses the credentials.
    #[error(
        "backbone.url: the NATS server refuses the connection: {0}; check backbone.credentials_file, or the user and password in backbone.url"
    )]
    Refused(String),
    /// The credentials cannot be used.
    #[error("backbone.credentials_file: {path}: {reason}")]
    Credentials {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server is too old.
    #[error("backbone.url: the NATS server has version {0}; 2.11 or newer is needed")]
    TooOld(String),
    /// The server has no JetStream.
    #[error(
        "backbone.url: the NATS server has no JetStream for this account; start it with `nats-server -js`, or enable JetStream for the account"
    )]
    NoJetStream,
    /// The largest message does not fit into what the server takes.
    #[error(
        "limits.max_frame: found {max_frame} bytes, which with {headers} bytes of headers is above the NATS server's max_payload of {max_payload} bytes; make limits.max_frame smaller, or max_payload larger"
    )]
    MaxPayload {
        /// As configured.
        max_frame: usize,
        /// What a message needs beside its data.
        headers: usize,
        /// As the server says.
        max_payload: usize,
    },
    /// The stream has settings that the configuration does not ask for.
    #[error(
        "the stream {stream} has other settings than the configuration asks for: {differences}; change the configuration, or the stream with `nats stream edit {stream}`"
    )]
    Stream {
        /// Its name.
        stream: String,
        /// Each with both values.
        differences: String,
    },
    /// The stream belongs to a fleet with another number of shards.
    #[error(
        "backbone.shards: found {found}; the stream {stream} was made for {shards}: topics would be looked for in the wrong streams; set backbone.shards = {shards}, or choose another backbone.name"
    )]
    Shards {
        /// The stream's name.
        stream: String,
        /// As configured.
        found: usize,
        /// As the stream says.
        shards: String,
    },
    /// The server does not do what it is asked for.
    #[error("the NATS server refuses a request for the stream {stream}: {reason}")]
    Api {
        /// Which stream.
        stream: String,
        /// As the server says it.
        reason: String,
    },
}

impl StartError {
    /// Whether another try may succeed: a server that starts, a leader that is not elected yet.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Api { .. } | Self::NoJetStream)
    }
}
