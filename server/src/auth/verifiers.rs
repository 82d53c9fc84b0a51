//! What tokens and API keys are checked by.

use super::{ApiKeys, Authenticator, KeyError, authenticator};
use crate::{config::Config, metrics::Meter};
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// Checks the tokens of clients and the keys of backends.
#[derive(Debug)]
pub struct Verifiers {
    authenticator: Box<dyn Authenticator>,
    /// `None`: no backend may publish over HTTP.
    api_keys: Option<ArcSwap<ApiKeys>>,
}

impl Verifiers {
    /// Those that `config` names. What happens to their keys and checks is counted by `meter`.
    ///
    /// # Errors
    /// [`KeyError`]: a key that the configuration names cannot be used.
    pub fn new(config: &Config, meter: Arc<Meter>) -> Result<Self, KeyError> {
        let api_keys = config.http.api_keys_file.as_deref().map(ApiKeys::read).transpose()?;
        Ok(Self {
            authenticator: authenticator(config, meter)?,
            api_keys: api_keys.map(ArcSwap::from_pointee),
        })
    }

    /// With this authenticator instead of the configuration's.
    #[cfg(test)]
    pub(crate) fn with_authenticator(self, authenticator: Box<dyn Authenticator>) -> Self {
        Self { authenticator, ..self }
    }

    /// Tells users from their tokens.
    #[must_use]
    pub fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }

    /// The keys of backends, if there are any.
    #[must_use]
    pub fn api_keys(&self) -> Option<Guard<Arc<ApiKeys>>> {
        self.api_keys.as_ref().map(ArcSwap::load)
    }

    /// Lets in backends with these keys and no others from now on; without effect if there were
    /// none at the start.
    pub fn exchange_api_keys(&self, keys: ApiKeys) {
        if let Some(present) = &self.api_keys {
            present.store(Arc::new(keys));
        }
    }
}
