//! What runs: the topics, the claims of message ids, the connections, and how they work together
//! when something is published. Shared by everything that serves.

mod phase;
#[cfg(test)]
mod shared_reads;

use crate::{
    admission::Admission,
    auth::{self, Verifiers},
    backbone::{Backbone, Health},
    chance,
    config::Config,
    connection::Connection,
    dedup::{self, Dedup},
    metrics::Meter,
    redis::Redis,
    registry::Registry,
    sequencer::{self, Core, Sequencer, fan_out},
    session,
    signing::{self, Keyring, Keys},
    slo::Slo,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{
    FutureExt,
    future::{self, BoxFuture, Either, Ready},
};
use hub::{Directory, Topic, clock::Clock, topic::Name};
use phase::{Phase, Progress};
use protocol::{Epoch, ErrorCode, MessageId, Payload};
pub(crate) use sequencer::{FollowUp, NoTopic, Prepared, Publication, Publisher};
pub use sequencer::{PublishError, Published};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

/// What a publish has come to within the call.
pub(crate) type Stored = sequencer::Stored<Connection>;

/// One gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Its name among the gateways of a fleet, for as long as it runs.
    pub(crate) id: String,
    config: Config,
    pub(crate) verifiers: Verifiers,
    keyring: Keyring,
    pub(crate) meter: Arc<Meter>,
    pub(crate) slo: Slo,
    /// The topics and the claims of message ids.
    pub(crate) core: Arc<Core<Connection>>,
    /// What numbers the topics.
    pub(crate) sequencer: Sequencer<Connection>,
    pub(crate) sessions: Arc<dyn session::Store>,
    /// Keeps message ids or sessions, if the configuration says so.
    pub(crate) redis: Option<Arc<Redis>>,
    pub(crate) clock: Clock,
    pub(crate) admission: Arc<Admission>,
    pub(crate) registry: Registry,
    progress: Progress,
}

/// What several gateways share.
#[derive(Debug, Default)]
pub struct Fleet {
    /// Numbers the topics; `None`: this process does.
    pub backbone: Option<Arc<dyn Backbone>>,
    /// Keeps the sessions; `None`: this process does.
    pub records: Option<Arc<dyn session::records::Records>>,
    /// The server without which the backbone or the records cannot do their work, if there is one.
    pub redis: Option<Arc<Redis>>,
}

/// What there is right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// WebSocket connections, set up or not.
    pub connections: u64,
    /// Topics with at least one subscriber.
    pub topics: u64,
    /// Pairs of a connection and a topic.
    pub subscriptions: u64,
}

/// A publish whose answer may have to wait.
type Publishing = Either<
    Ready<Result<Published, PublishError>>,
    BoxFuture<'static, Result<Published, PublishError>>,
>;

/// A key that the configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// For signing messages.
    #[error(transparent)]
    Signing(#[from] signing::KeyError),
    /// For checking users and backends.
    #[error(transparent)]
    Access(#[from] auth::KeyError),
}

impl Gateway {
    /// A gateway without connections or topics. Reads the keys that `config` names.
    ///
    /// # Errors
    /// [`KeyError`]: one of them cannot be used.
    pub fn new(config: Config) -> Result<Self, KeyError> {
        Self::in_fleet(config, Fleet::default())
    }

    /// A gateway that shares `fleet` with others. As [`Gateway::new`] else.
    ///
    /// # Errors
    /// [`KeyError`]: a key that the configuration names cannot be used.
    pub fn in_fleet(config: Config, fleet: Fleet) -> Result<Self, KeyError> {
        let Fleet { backbone, records, redis } = fleet;
        let clock = Clock::start();
        let topics = hub::directory::Limits {
            max_topics: config.limits.max_topics,
            max_topics_per_user: config.limits.max_topics_per_user,
            // The log remembers a topic that nothing here is subscribed to.
            meta_ttl: match backbone {
                None => config.history.meta_ttl,
                Some(_) => config.backbone.detach_after,
            },
            topic_backlog: config.limits.topic_backlog,
            history_bytes: config.history.total_bytes,
        };
        let rules = config.history.clone();
        let history = Box::new(move |topic: &Name| rules.of(topic.as_str()));
        let claims = dedup::Limits {
            window: config.dedup.window,
            max_keys: config.dedup.max_keys,
            max_keys_per_user: config.dedup.max_keys_per_user,
        };
        let sessions = session::Limits {
            ttl: config.session.ttl,
            detached: config.session.max,
            subscriptions: config.session.subscriptions,
            detached_per_user: config.session.max_per_user,
            subscriptions_per_user: config.session.subscriptions_per_user,
        };
        let keyring = Keyring::new(Keys::read(&config.signing)?);
        let meter = Arc::new(Meter::default());
        let instruments = hub::Instruments {
            signer: keyring.signer().map(|signer| signer as Arc<dyn hub::Sign>),
            observer: Some(meter.clone()),
        };
        let core = Arc::new(Core {
            topics: Directory::new(topics, history, clock, new_epoch, instruments),
            dedup: Arc::new(Dedup::new(claims, clock)),
            meter: meter.clone(),
            tasks: TaskTracker::new(),
        });
        let sequencer = match backbone {
            None => Sequencer::local(core.clone()),
            Some(backbone) => Sequencer::shared(core.clone(), backbone, backbone_limits(&config)),
        };
        Ok(Self {
            id: format!("{:016x}", chance::draw::<u64>()),
            verifiers: Verifiers::new(&config, meter.clone())?,
            core,
            sequencer,
            keyring,
            slo: Slo::new(meter.clone()),
            meter,
            sessions: match records {
                None => Arc::new(session::Memory::new(sessions, clock)),
                Some(records) => Arc::new(session::Shared::new(
                    records,
                    sessions,
                    session::shared::Timing::default(),
                    clock,
                )),
            },
            redis,
            clock,
            admission: Admission::new(&config.limits, clock),
            registry: Registry::new(&config.limits, clock),
            progress: Progress::default(),
            config,
        })
    }

    /// With this one instead of the configuration's.
    #[cfg(test)]
    pub(crate) fn with_authenticator(self, authenticator: Box<dyn auth::Authenticator>) -> Self {
        Self { verifiers: self.verifiers.with_authenticator(authenticator), ..self }
    }

    /// Forgets what has expired: messages, topics, message ids, sessions, and rates of replays that
    /// are not used any more. Between pieces of less than some milliseconds other tasks run.
    /// Cancel-safe.
    pub(crate) async fn expire(&self) {
        self.registry.replay_rate.expire();
        while self.expire_some() {
            yield_now().await;
        }
    }

    /// A piece of what [`Gateway::expire`] does for messages, topics, message ids and sessions.
    /// True: there is more.
    pub(crate) fn expire_some(&self) -> bool {
        let more = [
            self.core.topics.expire_some(),
            self.core.dedup.expire_some(),
            self.sessions.expire_some(),
        ];
        more.contains(&true)
    }

    /// How it is configured.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The public keys of the signatures, as a JWK set.
    pub(crate) fn key_set(&self) -> Arc<String> {
        self.keyring.set()
    }

    /// Signs by these keys from now on, and lists them.
    pub(crate) fn exchange_signing_keys(&self, keys: Keys) {
        self.keyring.exchange(keys);
    }

    /// What there is right now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.registry.connections.len() as u64,
            topics: self.core.topics.topics_in_use() as u64,
            subscriptions: self.registry.subscriptions.load(Relaxed) as u64,
        }
    }

    /// Whether a stop was announced.
    pub(crate) fn is_stopping(&self) -> bool {
        self.progress.has_reached(Phase::Unready)
    }

    /// Whether load balancers should send clients here.
    ///
    /// # Errors
    /// Why they should not: the gateway is about to stop, or the backbone or the Redis server cannot
    /// be reached.
    pub fn readiness(&self) -> Result<(), ErrorCode> {
        if self.is_stopping() {
            Err(ErrorCode::ShuttingDown)
        } else if self.sequencer.health() == Health::Unreachable
            || self.redis.as_ref().is_some_and(|redis| !redis.is_reachable())
        {
            Err(ErrorCode::BackboneUnavailable)
        } else {
            Ok(())
        }
    }

    /// Whether it takes connections and publishes.
    #[must_use]
    pub fn takes_work(&self) -> bool {
        !self.progress.has_reached(Phase::Draining)
    }

    /// Is not ready from now on, and works on.
    pub(crate) fn announce_stop(&self) {
        self.progress.advance(Phase::Unready);
    }

    /// Takes no new work from now on.
    pub(crate) fn stop(&self) {
        self.progress.advance(Phase::Draining);
    }

    /// Publishes once per user and message id, and makes it due. `last` is the topic that the
    /// caller used last.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored, and the message id is free.
    pub(crate) fn store(
        &self,
        publication: Publication<'_>,
        last: &mut Option<Arc<Topic<Connection>>>,
    ) -> Result<Stored, PublishError> {
        if !self.takes_work() {
            return Err(PublishError::ShuttingDown);
        }
        self.sequencer.publish(publication, last)
    }

    /// Publishes for a backend. The message is numbered or handed over when this returns, so that a
    /// backend's messages have the order of its calls. `user` says only whose message id it is. The
    /// future waits for the backbone's answer, and while the topic lags by more than its limit.
    /// Dropped, the message is delivered all the same if it was stored.
    ///
    /// # Errors of the future
    /// [`PublishError`]
    pub fn publish(
        &self,
        user: &str,
        topic: &protocol::Topic<'_>,
        message_id: &MessageId<'_>,
        payload: &Payload<'_>,
    ) -> Publishing {
        let publication = Publication {
            publisher: Publisher::Backend { user },
            topic,
            message_id,
            data: payload.get(),
            now: self.clock.now(),
        };
        match self.store(publication, &mut None) {
            Err(error) => Either::Left(future::ready(Err(error))),
            Ok(Stored::Later(published)) => Either::Right(published),
            Ok(Stored::Now(published, FollowUp { fan_out, congested })) => {
                if let Some(fan_out) = fan_out {
                    self.core.tasks.spawn(fan_out::to_the_end(fan_out));
                }
                match congested {
                    None => Either::Left(future::ready(Ok(published))),
                    Some(topic) => {
                        let published = async move {
                            topic.below_backlog().await;
                            Ok(published)
                        };
                        Either::Right(published.boxed())
                    }
                }
            }
        }
    }
}

fn backbone_limits(config: &Config) -> sequencer::Limits {
    /// Of the memory of all histories: pages are what a gateway has of a log below its histories.
    const PAGES: usize = 8;
    sequencer::Limits {
        publish_timeout: config.backbone.publish_timeout,
        attach_timeout: config.backbone.attach_timeout,
        reads: config.backbone.reads,
        page_bytes: config.history.total_bytes / PAGES,
    }
}

/// 96 random bits.
fn new_epoch() -> Epoch<'static> {
    let name = URL_SAFE_NO_PAD.encode(chance::draw::<[u8; 12]>());
    Epoch::new(name).unwrap_or_else(|why| unreachable!("base64url is an epoch's alphabet: {why}"))
}
