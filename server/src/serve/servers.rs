//! What this gateway shares with others, and where: the backbone's log, the message ids, the sessions.

use super::ServeError;
use crate::{
    backbone::{
        Backbone,
        claimed::Claimed,
        nats::{self, Nats},
    },
    config::{BackboneKind, Config, Keeper},
    gateway::Fleet,
    redis::{self, Redis},
    session::records::Records,
};
use std::sync::Arc;

/// The servers of a gateway.
pub(super) struct Servers {
    nats: Option<Arc<Nats>>,
    redis: Option<Arc<Redis>>,
}

impl Servers {
    /// Without a connection.
    ///
    /// # Errors
    /// [`ServeError::Redis`]: the file with the address cannot be used.
    pub(super) fn new(config: &Config) -> Result<Self, ServeError> {
        let nats = (config.backbone.kind == BackboneKind::Nats)
            .then(|| Arc::new(Nats::new(nats::Settings::new(config))));
        let redis = redis::Settings::new(config)?.map(|settings| Arc::new(Redis::new(settings)));
        Ok(Self { nats, redis })
    }

    /// What the gateway works with.
    pub(super) fn fleet(&self, config: &Config) -> Fleet {
        let own = |nats: &Arc<Nats>| nats.clone() as Arc<dyn Backbone>;
        let backbone = match (self.nats.as_ref().map(own), &self.redis) {
            (Some(log), Some(redis)) if config.dedup.kind == Keeper::Redis => {
                Some(Arc::new(Claimed::new(log, redis.claims())) as Arc<dyn Backbone>)
            }
            (log, _) => log,
        };
        let records: Option<Arc<dyn Records>> = match (config.session.kind, &self.redis) {
            (Keeper::Redis, Some(redis)) => Some(Arc::new(redis.session_records())),
            _ => self.nats.as_ref().map(|nats| Arc::new(nats.session_records()) as _),
        };
        Fleet { backbone, records, redis: self.redis.clone() }
    }

    /// Connects to them.
    ///
    /// # Errors
    /// [`ServeError::Redis`] or [`ServeError::Backbone`]
    pub(super) async fn start(&self) -> Result<(), ServeError> {
        if let Some(redis) = &self.redis {
            redis.start().await?;
        }
        if let Some(nats) = &self.nats {
            nats.start().await?;
        }
        Ok(())
    }
}
