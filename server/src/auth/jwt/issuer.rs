//! Where a key set comes from: an address that the issuer of the tokens answers.

use super::{jwk, key::Key};
use crate::{auth::KeyError, config::SecretUrl};
use futures_util::{FutureExt, future::BoxFuture};
use reqwest::{Client, redirect};
use std::{fmt, sync::Arc, time::Duration};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// For one fetch, all in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a set.
const MAX_BYTES: usize = 256 * 1024;

/// Gives out the keys that its tokens can be checked with.
pub(super) trait Issuer: fmt::Debug + Send + Sync {
    /// Fetches the key set. Ends within seconds. Cancel-safe.
    ///
    /// # Errors
    /// [`FetchError`], without anything secret of the address.
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<Arc<Key>>, FetchError>>;
}

/// Why a set could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{}", chain(.0))]
    Http(#[source] reqwest::Error),
    #[error("it was answered by {0}")]
    Status(reqwest::StatusCode),
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it is not a JWK set (line {}, column {})", .0.line(), .0.column())]
    NotASet(#[from] serde_json::Error),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // The address may have a password in it.
        Self::Http(error.without_url())
    }
}

/// An error and its causes: reqwest's own text leaves them out.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// An issuer that is asked over HTTP.
#[derive(Debug)]
pub(super) struct Website {
    url: SecretUrl,
    client: Client,
}

impl Website {
    /// Asks for nothing yet.
    ///
    /// # Errors
    /// [`KeyError::Client`]: the system's certificates cannot be read.
    pub(super) fn new(url: &SecretUrl) -> Result<Self, KeyError> {
        if CryptoProvider::get_default().is_none() {
            // If another thread was faster, there is one now.
            let _installed = ring::default_provider().install_default();
        }
        let mut client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent("micro-socket");
        if url.reveal().scheme() == "http" {
            client = client.tls_certs_only([]);
        }
        let client =
            client.build().map_err(|error| KeyError::Client(chain(&error.without_url())))?;
        Ok(Self { url: url.clone(), client })
    }

    async fn body(&self) -> Result<Vec<u8>, FetchError> {
        let mut response = self
            .client
            .get(self.url.reveal().clone())
            .header("accept", "application/json")
            .send()
            .await?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Issuer for Website {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<Arc<Key>>, FetchError>> {
        async { Ok(jwk::parse(&self.body().await?)?) }.boxed()
    }
}
