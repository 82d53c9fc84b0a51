//! From a token to a user and what it may do. [`Authenticator`] is the seam: the demo one is here,
//! others take its place by configuration.

mod admission;
mod api_keys;
mod demo;
mod expiry;
mod failures;
mod jwt;
mod key_error;
mod verifiers;

use crate::{
    access::Rights,
    config::{AuthMode, Config},
    metrics::Meter,
};
pub use api_keys::ApiKeys;
pub use demo::Demo;
pub use expiry::Expiry;
use futures_util::{FutureExt, future::BoxFuture};
pub use jwt::{Jwt, secret_in, sign};
pub use key_error::KeyError;
use protocol::{ErrorCode, UserId};
use std::{borrow::Cow, fmt, future::pending, net::IpAddr, sync::Arc};
pub use verifiers::Verifiers;

/// The user that a client has proved to be.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whose message ids and sessions these are.
    pub user: UserId<'static>,
    /// Which topics are open to them.
    pub rights: Rights,
    /// When the token stops being good. `None`: never.
    pub expires: Option<Expiry>,
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
    /// Checks `token`; may have to fetch keys for it. `from` is the address of a client that is not
    /// authenticated yet: if its tokens are refused again and again, they are checked after all
    /// others. Cancel-safe.
    ///
    /// # Errors
    /// [`Refused`], with what the client is told.
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        from: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Identity, Refused>>;

    /// Whether a connection may send `setup` again, with a fresh token, to stay longer.
    fn renews(&self) -> bool;

    /// Keeps its keys up to date, for ever. Cancel-safe.
    fn follow(&self) -> BoxFuture<'_, ()> {
        pending().boxed()
    }
}

/// The one that `config` names, with its keys. What happens to its keys and checks is counted by
/// `meter`.
///
/// # Errors
/// [`KeyError`]: a key that it needs cannot be used.
fn authenticator(config: &Config, meter: Arc<Meter>) -> Result<Box<dyn Authenticator>, KeyError> {
    Ok(match config.auth.mode {
        AuthMode::Demo => Box::new(Demo),
        AuthMode::Jwt => Box::new(Jwt::new(config, meter)?),
    })
}
