//! What SIGHUP reads again: API keys, signing keys, the certificate and the level of the log. Each
//! stands for itself: if one cannot be read, it stays as it is, and the others are taken over all
//! the same.

use super::{
    manager::{self, News},
    signals::Hangups,
};
use crate::{
    auth::{self, ApiKeys},
    config::{Config, ConfigError, Sources},
    files::Reader,
    gateway::Gateway,
    log,
    metrics::Reloaded,
    signing,
    tls::Tls,
};
use std::{error::Error, sync::Arc};

/// Whatever it is: it is logged.
type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// What can be read again.
pub(super) struct Reload {
    gateway: Arc<Gateway>,
    tls: Option<Tls>,
    sources: Sources,
    configuration: Reader<Config, ConfigError>,
    api_keys: Reader<ApiKeys, auth::KeyError>,
    signing_keys: Reader<signing::Keys, signing::KeyError>,
}

impl Reload {
    /// `sources` are those of the configuration that is in force.
    pub(super) fn new(gateway: Arc<Gateway>, tls: Option<Tls>, sources: Sources) -> Self {
        let config = gateway.config();
        let configuration = Reader::new(sources.file.iter().cloned().collect());
        let api_keys = Reader::new(config.http.api_keys_file.iter().cloned().collect());
        let signing_keys = Reader::new(
            config
                .signing
                .key_file
                .iter()
                .chain(&config.signing.previous_key_files)
                .cloned()
                .collect(),
        );
        Self { gateway, tls, sources, configuration, api_keys, signing_keys }
    }

    /// Reads everything again at each signal, for ever, unless the gateway stops.
    pub(super) async fn at_each(mut self, mut hangups: Hangups) {
        loop {
            hangups.next().await;
            if self.gateway.is_stopping() {
                tracing::info!("nothing is reloaded: the gateway stops");
                continue;
            }
            manager::tell(News::Reloading).await;
            self.run().await;
            if !self.gateway.is_stopping() {
                manager::tell(News::Ready).await;
            }
        }
    }

    async fn run(&mut self) {
        for (what, outcome) in [
            (Reloaded::Configuration, self.configuration().await),
            (Reloaded::ApiKeys, self.api_keys().await),
            (Reloaded::SigningKeys, self.signing_keys().await),
            (Reloaded::Certificate, self.certificate().await),
        ] {
            if let Err(error) = outcome {
                self.gateway.meter.count_failed_reload(what);
                tracing::warn!(what = what.as_str(), %error, "a reload has failed: what is in force stays");
            }
        }
        tracing::info!("reloaded");
    }

    /// Of the file only the level of the log is taken over; the names of other keys that have
    /// changed are logged.
    async fn configuration(&mut self) -> Outcome {
        if self.sources.file.is_none() {
            return Ok(());
        }
        let sources = self.sources.clone();
        let config = self.configuration.read(move || Config::load(&sources)).await?;
        log::set_level(&config.log.level)?;
        let keys: Vec<String> = self
            .gateway
            .config()
            .differences(&config)
            .into_iter()
            .filter(|key| key != "log.level")
            .collect();
        if !keys.is_empty() {
            tracing::warn!(
                keys = keys.join(", "),
                "these keys of the configuration have changed and need a restart"
            );
        }
        Ok(())
    }

    async fn api_keys(&mut self) -> Outcome {
        let Some(file) = self.gateway.config().http.api_keys_file.clone() else { return Ok(()) };
        let keys = self.api_keys.read(move || ApiKeys::read(&file)).await?;
        self.gateway.verifiers.exchange_api_keys(keys);
        Ok(())
    }

    async fn signing_keys(&mut self) -> Outcome {
        let files = self.gateway.config().signing.clone();
        let keys = self.signing_keys.read(move || signing::Keys::read(&files)).await?;
        self.gateway.exchange_signing_keys(keys);
        Ok(())
    }

    async fn certificate(&self) -> Outcome {
        match &self.tls {
            Some(tls) => Ok(tls.reload().await?),
            None => Ok(()),
        }
    }
}
