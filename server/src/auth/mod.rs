//! From a token to a user. [`Authenticator`] is the seam: the demo one is here, others take its place by configuration.

mod demo;

pub use demo::Demo;
use protocol::{ErrorCode, UserId};
use std::fmt;

/// Who somebody has proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose message ids and sessions these are.
    pub user: UserId<'static>,
}

/// Why a token was not taken. The text is for the client and holds nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Wrong, or empty.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
}

impl Refused {
    /// As on the wire.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::AuthFailed,
        }
    }
}

/// Tells who holds a token.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Checks `token`. Does not block.
    ///
    /// # Errors
    /// [`Refused`], with what the client is told.
    fn authenticate(&self, token: &str) -> Result<Identity, Refused>;
}
