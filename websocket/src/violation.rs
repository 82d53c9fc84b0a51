//! Errors that end a connection by RFC 6455, and their close codes.

/// Why the connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The bytes are not valid WebSocket frames.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text that is not UTF-8.
    #[error("text must be UTF-8")]
    NotUtf8,
    /// A message larger than the limit, in bytes.
    #[error("a message may have at most {0} bytes")]
    TooLarge(usize),
}

impl Violation {
    /// The status code of the close frame that tells the client (section 7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge(_) => 1009,
        }
    }
}
