//! `jwt` mode: JSON Web Tokens (RFC 7519) signed by HS256, RS256, ES256 or EdDSA. Which key may
//! check which token is decided here.
//!
//! | module | idea |
//! |---|---|
//! | `token` | from text to head, claims and signature |
//! | `members`, `claims` | from JSON to claims, with an error that names what is wrong |
//! | `identity` | from claims to a user and its rights |
//! | `key`, `jwk` | keys of files and of a key set; which key has signed a token |
//! | `issuer`, `remote` | where a key set is fetched, and when |

mod claims;
mod identity;
mod issuer;
mod jwk;
mod key;
mod members;
mod remote;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod token;

use self::{
    claims::{Claims, Demands},
    issuer::Website,
    key::Key,
    remote::Remote,
    token::{Algorithm, Token},
};
use super::{Authenticator, Identity, KeyError, Refused, admission::Admission, key_error::read};
use crate::{access::Rule, config::Config, metrics::Meter};
use futures_util::{FutureExt, future::BoxFuture};
pub use key::secret_in;
use std::{future::pending, net::IpAddr, sync::Arc, time::Duration};
pub use token::sign;
use tokio::task::yield_now;

/// Tokens that name no key are tried with so many of a set.
const MAX_TRIES: usize = 10;

/// Takes tokens that a key of the configuration has signed.
#[derive(Debug)]
pub struct Jwt {
    /// Of secret and file.
    keys: Vec<Arc<Key>>,
    remote: Option<Remote>,
    demands: Demands,
    leeway: Duration,
    /// For tokens without a claim `topics`.
    default_subscribe: Vec<Rule>,
    default_publish: Vec<Rule>,
    admission: Admission,
    meter: Arc<Meter>,
}

/// What came of the keys that were tried.
enum Verdict {
    Signed,
    /// None of them has signed it.
    NotSigned,
    /// There was none to try.
    NoKey,
}

impl Jwt {
    /// Reads the files that `config` names.
    ///
    /// # Errors
    /// [`KeyError`]: one of them cannot be used.
    pub fn new(config: &Config, meter: Arc<Meter>) -> Result<Self, KeyError> {
        let auth = &config.auth;
        let mut keys = Vec::new();
        if let Some(secret) = &auth.jwt_secret {
            keys.push(Key::secret(secret.reveal())?);
        }
        if let Some(path) = &auth.jwt_secret_file {
            keys.push(Key::secret(secret_in(&read("auth.jwt_secret_file", path)?))?);
        }
        if let Some(path) = &auth.jwt_public_key_file {
            keys.push(Key::pem(&read("auth.jwt_public_key_file", path)?)?);
        }
        let website = auth.jwks_url.as_ref().map(Website::new).transpose()?;
        Ok(Self {
            keys: keys.into_iter().map(Arc::new).collect(),
            remote: website.map(|website| {
                Remote::new(Box::new(website), auth.jwks_min_refresh, meter.clone())
            }),
            demands: Demands { issuer: auth.issuer.clone(), audience: auth.audience.clone() },
            leeway: auth.leeway,
            default_subscribe: config.access.default_subscribe.clone(),
            default_publish: config.access.default_publish.clone(),
            admission: Admission::new(auth.auth_failures_per_ip),
            meter,
        })
    }

    async fn check(&self, token: &str, from: Option<IpAddr>) -> Result<Identity, Refused> {
        let check = Check {
            admission: &self.admission,
            token: Token::parse(token)?,
            from,
            tried: Vec::new(),
        };
        let token = self.signed(check).await?;
        self.identity(Claims::read(&token.claims()?, &self.demands)?)
    }

    /// The token, if a key has signed it.
    async fn signed<'a>(&self, mut check: Check<'a>) -> Result<Token<'a>, Refused> {
        let algorithm = check.token.algorithm;
        let own = check.by(self.keys.iter().filter(|key| key.algorithm() == algorithm)).await;
        match (own, &self.remote) {
            (Verdict::Signed, _) => {}
            (_, Some(remote)) if algorithm != Algorithm::Hs256 => check.by_issuer(remote).await?,
            (Verdict::NotSigned, _) => return Err(invalid(BAD_SIGNATURE)),
            (Verdict::NoKey, _) => return Err(invalid(UNKNOWN_KEY)),
        }
        Ok(check.token)
    }
}

/// One token on its way through the keys. No key is tried twice.
struct Check<'a> {
    admission: &'a Admission,
    token: Token<'a>,
    from: Option<IpAddr>,
    tried: Vec<Arc<Key>>,
}

impl Check<'_> {
    /// Tries `keys`. Others run after each of them.
    async fn by(&mut self, keys: impl Iterator<Item = &Arc<Key>>) -> Verdict {
        let mut verdict = Verdict::NoKey;
        for key in keys.take(MAX_TRIES) {
            verdict = Verdict::NotSigned;
            if self.tried.iter().any(|tried| tried.is_same(key)) {
                continue;
            }
            if !self.tried.is_empty() {
                yield_now().await;
            }
            let _turn = self.admission.turn(self.from).await;
            if key.has_signed(&self.token) {
                return Verdict::Signed;
            }
            self.tried.push(key.clone());
        }
        verdict
    }

    /// With the keys of the set, fetched again if none of them can have signed the token.
    async fn by_issuer(&mut self, remote: &Remote) -> Result<(), Refused> {
        let (algorithm, id) = (self.token.algorithm, self.token.key_id.clone());
        let mut set = remote.keys().await;
        let mut verdict = self.by(set.matching(algorithm, id.as_deref())).await;
        let is_open = matches!(verdict, Verdict::NoKey)
            || (matches!(verdict, Verdict::NotSigned) && id.is_none());
        if is_open {
            set = remote.refreshed().await;
            verdict = self.by(set.matching(algorithm, id.as_deref())).await;
        }
        match verdict {
            Verdict::Signed => Ok(()),
            _ if is_open && set.is_doubtful() => {
                Err(Refused::Unavailable("the issuer's keys cannot be fetched".into()))
            }
            Verdict::NotSigned => Err(invalid(BAD_SIGNATURE)),
            Verdict::NoKey => Err(invalid(UNKNOWN_KEY)),
        }
    }
}

impl Authenticator for Jwt {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        from: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Identity, Refused>> {
        async move {
            if self.admission.comes_last(from) {
                self.meter.count_deferred_setup();
            }
            let checked = self.check(token, from).await;
            if let (Err(Refused::Invalid(_) | Refused::Expired), Some(from)) = (&checked, from) {
                self.admission.refused(from);
            }
            checked
        }
        .boxed()
    }

    fn renews(&self) -> bool {
        true
    }

    fn follow(&self) -> BoxFuture<'_, ()> {
        match &self.remote {
            Some(remote) => remote.follow().boxed(),
            None => pending().boxed(),
        }
    }
}

const BAD_SIGNATURE: &str = "its signature is wrong";
const UNKNOWN_KEY: &str = "it is signed by a key, or in a way, that the gateway does not know";

fn invalid(why: &'static str) -> Refused {
    Refused::Invalid(why.into())
}
