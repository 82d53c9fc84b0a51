//! A set of public keys that the issuer publishes at an address (JWK set, RFC 7517). Fetched when it is first needed, again when
//! a token names a key that is not in it, and when it is old. However many ask: one fetch at a time, and no more often than the
//! configuration allows. A fetch that fails keeps the keys.

use super::key::Key;
use crate::auth::KeyError;
use jsonwebtoken::{Algorithm, jwk::Jwk};
use parking_lot::RwLock;
use reqwest::{Client, redirect};
use serde::Deserialize;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// For one fetch, all in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a set.
const MAX_BYTES: usize = 256 * 1024;
/// Keys of a set; more are ignored.
const MAX_KEYS: usize = 100;
/// After this, a set is fetched again before it is used: keys that were withdrawn have to go.
const OLD: Duration = Duration::from_secs(600);

/// The keys at an address.
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    url: String,
    client: Client,
    min_refresh: Duration,
    present: RwLock<Arc<KeySet>>,
    /// Held during a fetch: when the last one began.
    last_try: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.0.url).finish_non_exhaustive()
    }
}

/// The keys as they were when they were last fetched.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
    fetched: Option<Instant>,
    /// Whether the last fetch failed, so that there may be keys that are not in here.
    pub(super) is_doubtful: bool,
}

impl KeySet {
    /// The keys that may have signed a token with this head. One without `kid` may be from any key of its algorithm.
    pub(super) fn matching(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let named = move |key: &&Key| id.is_none_or(|id| key.id.as_deref() == Some(id));
        self.keys.iter().map(|key| &**key).filter(move |key| key.algorithm == algorithm).filter(named)
    }

    fn is_old(&self) -> bool {
        self.fetched.is_none_or(|time| time.elapsed() >= OLD)
    }
}

/// Why a set could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{}", chain(.0))]
    Http(#[from] reqwest::Error),
    #[error("it was answered by {0}")]
    Status(reqwest::StatusCode),
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it is not a JWK set: {0}")]
    NotASet(#[from] serde_json::Error),
}

/// An error and its causes: reqwest's own text leaves them out.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Remote {
    /// Fetches nothing yet.
    ///
    /// # Errors
    /// [`KeyError::Client`]: the system's certificates cannot be read.
    pub(super) fn new(url: &str, min_refresh: Duration) -> Result<Self, KeyError> {
        if CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster: then there is one.
            let _installed = ring::default_provider().install_default();
        }
        let mut client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).user_agent("micro-socket");
        if url.starts_with("http://") {
            client = client.tls_certs_only([]);
        }
        Ok(Self(Arc::new(Inner {
            url: url.to_owned(),
            client: client.build().map_err(|error| KeyError::Client(chain(&error)))?,
            min_refresh,
            present: RwLock::default(),
            last_try: Arc::default(),
        })))
    }

    /// The keys, fetched where there are none yet or they are old. Cancel-safe.
    pub(super) async fn keys(&self) -> Arc<KeySet> {
        let present = self.present();
        if present.is_old() { self.refreshed().await } else { present }
    }

    /// The keys after a fetch, if one is allowed now; else as they are. Waits for a fetch that is under way. Cancel-safe: a fetch
    /// goes on without those who wait for it, so that nobody can keep it from ending.
    pub(super) async fn refreshed(&self) -> Arc<KeySet> {
        let mut last_try = self.0.last_try.clone().lock_owned().await;
        if last_try.is_none_or(|time| time.elapsed() >= self.0.min_refresh) {
            *last_try = Some(Instant::now());
            let inner = self.0.clone();
            let fetch = tokio::spawn(async move {
                inner.refresh().await;
                drop(last_try);
            });
            if let Err(error) = fetch.await {
                tracing::error!(%error, "fetching the key set ended unexpectedly");
            }
        }
        self.present()
    }

    fn present(&self) -> Arc<KeySet> {
        self.0.present.read().clone()
    }
}

impl Inner {
    async fn refresh(&self) {
        let next = match self.fetch().await {
            Ok(keys) => {
                tracing::info!(url = self.url, keys = keys.len(), "fetched the key set");
                KeySet { keys, fetched: Some(Instant::now()), is_doubtful: false }
            }
            Err(error) => {
                let old = self.present.read().clone();
                tracing::warn!(url = self.url, %error, kept = old.keys.len(), "cannot fetch the key set");
                KeySet { keys: old.keys.clone(), fetched: old.fetched, is_doubtful: true }
            }
        };
        *self.present.write() = Arc::new(next);
    }

    async fn fetch(&self) -> Result<Vec<Arc<Key>>, FetchError> {
        let mut response =
            self.client.get(&self.url).header("accept", "application/json").send().await.map_err(reqwest::Error::without_url)?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(parse(&body)?)
    }
}

/// The usable keys of a set. A key that is not understood is passed over, as RFC 7517 says.
fn parse(body: &[u8]) -> Result<Vec<Arc<Key>>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<serde_json::Value>,
    }
    let document: Document = serde_json::from_slice(body)?;
    let keys = document.keys.into_iter().filter_map(|key| Key::jwk(&serde_json::from_value::<Jwk>(key).ok()?));
    Ok(keys.take(MAX_KEYS).map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"1y_KaSSUyT9AZKcSQ_2xnFDbZU6ZrjpOQqlfT6gNOfc","kid":"a"}"#;

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let set = format!(r#"{{"keys":[{{"kty":"new"}},1,null,{{"kty":"RSA","n":"AQAB","e":"AQAB"}},{ED}]}}"#);
        let keys = parse(set.as_bytes()).unwrap();
        assert_eq!(keys.iter().map(|key| key.id.as_deref()).collect::<Vec<_>>(), [Some("a")]);
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = format!(r#"{{"keys":[{}]}}"#, [ED; MAX_KEYS + 1].join(","));
        assert_eq!(parse(many.as_bytes()).unwrap().len(), MAX_KEYS);
    }

    #[test]
    fn a_token_without_a_key_id_may_be_from_any_key_of_its_algorithm() {
        let set = KeySet { keys: parse(format!(r#"{{"keys":[{ED}]}}"#).as_bytes()).unwrap(), ..KeySet::default() };
        let found = |algorithm, id| set.matching(algorithm, id).count();
        assert_eq!(found(Algorithm::EdDSA, None), 1);
        assert_eq!(found(Algorithm::EdDSA, Some("a")), 1);
        assert_eq!(found(Algorithm::EdDSA, Some("b")), 0);
        assert_eq!(found(Algorithm::ES256, Some("a")), 0);
    }
}
