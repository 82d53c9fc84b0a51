//! `jwt` mode: JSON Web Tokens (RFC 7519) signed by HS256, RS256, ES256 or EdDSA. Signatures are checked by `jsonwebtoken`; which
//! key may check which token is decided here.

mod claims;
mod key;
mod remote;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use self::{claims::Claims, key::Key, remote::Remote};
use super::{Authenticator, Identity, KeyError, Refused, Rights, Rule, key_error::read};
use crate::config::Config;
use futures_util::{FutureExt, future::BoxFuture};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use protocol::UserId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Bytes of a token.
const MAX_TOKEN: usize = 16 * 1024;
/// Tokens that name no key are tried with so many of a set.
const MAX_TRIES: usize = 10;
const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Takes tokens that a key of the configuration has signed.
#[derive(Debug)]
pub struct Jwt {
    /// Of secret and file.
    keys: Vec<Key>,
    remote: Option<Remote>,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: Duration,
    /// For tokens without a claim `topics`.
    default_subscribe: Vec<Rule>,
    default_publish: Vec<Rule>,
}

/// What came of the keys that were tried.
enum Verdict {
    Good(Claims),
    Bad(Refused),
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
    pub fn new(config: &Config) -> Result<Self, KeyError> {
        let auth = &config.auth;
        let mut keys = Vec::new();
        if let Some(secret) = &auth.jwt_secret {
            keys.push(Key::secret(secret.reveal())?);
        }
        if let Some(path) = &auth.jwt_secret_file {
            keys.push(Key::secret(read("auth.jwt_secret_file", path)?.trim_end_matches(['\r', '\n']))?);
        }
        if let Some(path) = &auth.jwt_public_key_file {
            keys.push(Key::pem(&read("auth.jwt_public_key_file", path)?)?);
        }
        Ok(Self {
            keys,
            remote: auth.jwks_url.as_deref().map(|url| Remote::new(url, auth.jwks_min_refresh)).transpose()?,
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            leeway: auth.leeway,
            default_subscribe: config.access.default_subscribe.clone(),
            default_publish: config.access.default_publish.clone(),
        })
    }

    async fn check(&self, token: &str) -> Result<Identity, Refused> {
        let header = head(token)?;
        let own = self.try_keys(token, header.alg, self.keys.iter().filter(|key| key.algorithm == header.alg));
        let claims = match (own, &self.remote) {
            (Verdict::Good(claims), _) => claims,
            (Verdict::Bad(refused), _) => return Err(refused),
            (_, Some(remote)) if header.alg != Algorithm::HS256 => self.check_with(remote, token, &header).await?,
            (Verdict::NotSigned, _) => return Err(invalid(BAD_SIGNATURE)),
            (Verdict::NoKey, _) => return Err(invalid(UNKNOWN_KEY)),
        };
        self.identity(claims)
    }

    /// With the keys of the set, fetched again where none of them can have signed it.
    async fn check_with(&self, remote: &Remote, token: &str, header: &Header) -> Result<Claims, Refused> {
        let id = header.kid.as_deref();
        let mut set = remote.keys().await;
        let mut verdict = self.try_keys(token, header.alg, set.matching(header.alg, id));
        let is_open = matches!(verdict, Verdict::NoKey) || (matches!(verdict, Verdict::NotSigned) && id.is_none());
        if is_open {
            set = remote.refreshed().await;
            verdict = self.try_keys(token, header.alg, set.matching(header.alg, id));
        }
        match verdict {
            Verdict::Good(claims) => Ok(claims),
            Verdict::Bad(refused) => Err(refused),
            _ if is_open && set.is_doubtful => Err(Refused::Unavailable("the issuer's keys cannot be fetched".into())),
            Verdict::NotSigned => Err(invalid(BAD_SIGNATURE)),
            Verdict::NoKey => Err(invalid(UNKNOWN_KEY)),
        }
    }

    fn try_keys<'k>(&self, token: &str, algorithm: Algorithm, keys: impl Iterator<Item = &'k Key>) -> Verdict {
        let validation = self.validation(algorithm);
        let mut verdict = Verdict::NoKey;
        for key in keys.take(MAX_TRIES) {
            verdict = match decode::<Claims>(token, &key.key, &validation) {
                Ok(data) => return Verdict::Good(data.claims),
                Err(error) => match error.into_kind() {
                    ErrorKind::InvalidSignature => Verdict::NotSigned,
                    other => return Verdict::Bad(refused(&other)),
                },
            };
        }
        verdict
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        // Whole seconds only; `end` is exact.
        validation.leeway = self.leeway.as_secs() + u64::from(self.leeway.subsec_nanos() > 0);
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    fn identity(&self, claims: Claims) -> Result<Identity, Refused> {
        let sub = claims.sub.ok_or_else(|| invalid("it has no claim sub, the user's id"))?;
        let user = UserId::new(sub).map_err(|why| Refused::Invalid(format!("its claim sub {why}").into()))?;
        let rights = match &claims.topics {
            Some(topics) => {
                let (subscribe, publish) = topics.rules()?;
                Rights::by(&user, &subscribe, &publish)
            }
            None => Rights::by(&user, &self.default_subscribe, &self.default_publish),
        };
        let exp = claims.exp.ok_or_else(|| invalid("it has no claim exp"))?;
        Ok(Identity { user, rights, expires: self.end(exp)? })
    }

    /// When `exp` and the leeway are over, on the monotonic clock. `None`: later than a clock can tell.
    fn end(&self, exp: f64) -> Result<Option<Instant>, Refused> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Ok(exp) = Duration::try_from_secs_f64(exp.max(0.0)) else { return Ok(None) };
        match exp.saturating_add(self.leeway).checked_sub(since_epoch) {
            Some(left) if !left.is_zero() => Ok(Instant::now().checked_add(left)),
            _ => Err(Refused::Expired),
        }
    }
}

impl Authenticator for Jwt {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, Refused>> {
        self.check(token).boxed()
    }

    fn renews(&self) -> bool {
        true
    }
}

const BAD_SIGNATURE: &str = "its signature is wrong";
const UNKNOWN_KEY: &str = "it is signed by a key, or in a way, that the gateway does not know";

fn invalid(why: &'static str) -> Refused {
    Refused::Invalid(why.into())
}

/// The token's head, where it is one that can be checked.
fn head(token: &str) -> Result<Header, Refused> {
    if token.is_empty() {
        return Err(invalid("it is empty"));
    }
    if token.len() > MAX_TOKEN {
        return Err(invalid("it is longer than 16 KiB"));
    }
    let header = decode_header(token).map_err(|_| invalid("it is not a JSON Web Token signed by HS256, RS256, ES256 or EdDSA"))?;
    if header.crit.is_some() {
        return Err(invalid("it demands an extension (crit) that the gateway does not have"));
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err(invalid("it has to be signed by HS256, RS256, ES256 or EdDSA"));
    }
    Ok(header)
}

/// Why the library refused a token whose signature is good, or that cannot be read.
fn refused(kind: &ErrorKind) -> Refused {
    invalid(match kind {
        ErrorKind::ExpiredSignature => return Refused::Expired,
        ErrorKind::ImmatureSignature => "it is not valid yet (nbf)",
        ErrorKind::InvalidIssuer => "it is from another issuer (iss)",
        ErrorKind::InvalidAudience => "it is for somebody else (aud)",
        ErrorKind::MissingRequiredClaim(claim) => {
            return Refused::Invalid(format!("it has no claim {claim}, or one of the wrong type").into());
        }
        ErrorKind::InvalidClaimFormat(claim) => return Refused::Invalid(format!("its claim {claim} is of the wrong type").into()),
        ErrorKind::Json(_) => "a claim of it is of the wrong type or repeated",
        _ => "it is not a JSON Web Token",
    })
}
