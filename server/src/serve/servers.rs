//! What this gateway shares with others, and where: the backbone's log, the message ids, the sessions.

use super::ServeError;
use crate::{
    backbone::{
        Backbone,
        claimed::Claimed,
        kafka::{self, Kafka},
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
    log: Option<Log>,
    redis: Option<Arc<Redis>>,
}

/// The log that the gateways of a fleet share.
enum Log {
    Nats(Arc<Nats>),
    Kafka(Arc<Kafka>),
}

impl Log {
    fn new(config: &Config) -> Option<Self> {
        match config.backbone.kind {
            BackboneKind::Memory => None,
            BackboneKind::Nats => {
                Some(Self::Nats(Arc::new(Nats::new(nats::Settings::new(config)))))
            }
            BackboneKind::Kafka => {
                Some(Self::Kafka(Arc::new(Kafka::new(kafka::Settings::new(config)))))
            }
        }
    }

    fn backbone(&self) -> Arc<dyn Backbone> {
        match self {
            Self::Nats(nats) => nats.clone(),
            Self::Kafka(kafka) => kafka.clone(),
        }
    }

    /// `None`: it has no place for records that change.
    fn records(&self) -> Option<Arc<dyn Records>> {
        match self {
            Self::Nats(nats) => Some(Arc::new(nats.session_records())),
            Self::Kafka(_) => None,
        }
    }

    async fn start(&self) -> Result<(), ServeError> {
        match self {
            Self::Nats(nats) => Ok(nats.start().await?),
            Self::Kafka(kafka) => Ok(kafka.start().await?),
        }
    }
}

impl Servers {
    /// Without a connection.
    ///
    /// # Errors
    /// [`ServeError::Redis`]: the file with the address cannot be used.
    pub(super) fn new(config: &Config) -> Result<Self, ServeError> {
        let redis = redis::Settings::new(config)?.map(|settings| Arc::new(Redis::new(settings)));
        Ok(Self { log: Log::new(config), redis })
    }

    /// What the gateway works with.
    pub(super) fn fleet(&self, config: &Config) -> Fleet {
        let backbone = match (self.log.as_ref().map(Log::backbone), &self.redis) {
            (Some(log), Some(redis)) if config.dedup.kind == Keeper::Redis => {
                Some(Arc::new(Claimed::new(log, redis.claims())) as Arc<dyn Backbone>)
            }
            (log, _) => log,
        };
        let records: Option<Arc<dyn Records>> = match (config.session.kind, &self.redis) {
            (Keeper::Redis, Some(redis)) => Some(Arc::new(redis.session_records())),
            _ => self.log.as_ref().and_then(Log::records),
        };
        Fleet { backbone, records, redis: self.redis.clone() }
    }

    /// Connects to them.
    ///
    /// # Errors
    /// [`ServeError::Redis`], [`ServeError::Nats`] or [`ServeError::Kafka`]
    pub(super) async fn start(&self) -> Result<(), ServeError> {
        if let Some(redis) = &self.redis {
            redis.start().await?;
        }
        if let Some(log) = &self.log {
            log.start().await?;
        }
        Ok(())
    }
}
