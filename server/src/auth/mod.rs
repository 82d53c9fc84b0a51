//! From a token to a user and what it may do. [`Authenticator`] is the seam: the demo one is here, others take its place by
//! configuration.

mod api_keys;
mod demo;
mod jwt;
mod key_error;
mod rights;
mod rule;

use crate::config::{AuthMode, Config};
pub use api_keys::ApiKeys;
pub use demo::Demo;
use futures_util::future::BoxFuture;
pub use jwt::Jwt;
pub use key_error::KeyError;
use protocol::{ErrorCode, UserId};
pub use rights::Rights;
pub use rule::Rule;
use std::{borrow::Cow, fmt};
use tokio::time::Instant;

/// Who somebody has proved to be.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whose message ids and sessions these are.
    pub user: UserId<'static>,
    /// Which topics are open to them.
    pub rights: Rights,
    /// When the token stops being good, leeway included. `None`: never.
    pub expires: Option<Instant>,
}

/// Why a token was not taken. The text is for the client and holds nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Wrong, or empty.
    #[error("the token is not valid: {0}")]
    Invalid(Cow<'static, str>),
    /// It was good once.
    #[error("the token has expired: get a fresh one and send setup again")]
    Expired,
    /// What it has to be checked with cannot be reached.
    #[error("the token cannot be checked now: {0}; try again")]
    Unavailable(Cow<'static, str>),
}

impl Refused {
    /// As on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::AuthFailed,
            Self::Expired => ErrorCode::TokenExpired,
            Self::Unavailable(_) => ErrorCode::BackboneUnavailable,
        }
    }
}

/// Tells who holds a token.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Checks `token`; may have to fetch keys for it. Cancel-safe.
    ///
    /// # Errors
    /// [`Refused`], with what the client is told.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, Refused>>;

    /// Whether a connection may send `setup` again, with a fresh token, to stay longer.
    fn renews(&self) -> bool;
}

/// The one that `config` names, with its keys.
///
/// # Errors
/// [`KeyError`]: a key that it needs cannot be used.
pub fn authenticator(config: &Config) -> Result<Box<dyn Authenticator>, KeyError> {
    Ok(match config.auth.mode {
        AuthMode::Demo => Box::new(Demo),
        AuthMode::Jwt => Box::new(Jwt::new(config)?),
    })
}
