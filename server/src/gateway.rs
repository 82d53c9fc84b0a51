//! What runs: the topics, the claims of message ids, the connections, and how they work together
//! when something is published. Shared by everything that serves.

mod phase;
mod shared_log;

use crate::{
    admission::Admission,
    auth::{self, ApiKeys, Authenticator},
    backbone::{Backbone, Unavailable},
    clock::{Clock, Micros},
    config::Config,
    dedup::{self, Claim, Counted, Dedup, Place},
    hub::{self, Appended, Directory, FanOut, Owner, Retired, TooManyTopics, Topic, topic::Name},
    metrics::Meter,
    session,
    signing::{self, Keyring, Keys},
    slo::Slo,
    socket::{Connection, Connections, PerUser, ReplayRate, Unfinished, drive},
};
use arc_swap::{ArcSwap, Guard};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::{BoxFuture, join_all};
use phase::{Phase, Progress};
use protocol::{AckStatus, Epoch, ErrorCode, MessageId, Payload, UserId};
use shared_log::SharedLog;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

/// One gateway.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    authenticator: Box<dyn Authenticator>,
    /// Who may publish over HTTP; `None`: nobody.
    api_keys: Option<ArcSwap<ApiKeys>>,
    keyring: Keyring,
    pub(crate) meter: Arc<Meter>,
    pub(crate) slo: Slo,
    pub(crate) topics: Directory<Connection>,
    pub(crate) dedup: Arc<Dedup>,
    /// Who numbers the topics; `None`: this process.
    shared_log: Option<SharedLog>,
    pub(crate) sessions: Arc<dyn session::Store>,
    pub(crate) clock: Clock,
    pub(crate) admission: Arc<Admission>,
    pub(crate) connections: Connections,
    pub(crate) per_user: PerUser,
    pub(crate) unfinished: Unfinished,
    pub(crate) replay_rate: ReplayRate,
    pub(crate) subscriptions: AtomicUsize,
    /// Connections and fan-outs: what has to end before the process does.
    pub(crate) tasks: TaskTracker,
    progress: Progress,
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

/// The sender of a publish.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Publisher<'a> {
    /// This user, over WebSocket.
    User(&'a str),
    /// A backend, over HTTP. It says whose message id it is, which uses nothing of that user's
    /// shares.
    Backend { user: &'a str },
}

impl<'a> Publisher<'a> {
    /// Whose message ids these are.
    fn user(self) -> &'a str {
        match self {
            Self::User(user) | Self::Backend { user } => user,
        }
    }

    /// Whose a topic is that comes into being by it.
    fn owner(self) -> Owner<'a> {
        match self {
            Self::User(user) => Owner::User(user),
            Self::Backend { .. } => Owner::Backends,
        }
    }

    /// Whose limits its message ids count for.
    fn counted(self) -> Counted {
        match self {
            Self::User(_) => Counted::ForUser,
            Self::Backend { .. } => Counted::ForAll,
        }
    }
}

/// A publish that is known to be stored.
#[derive(Debug)]
pub struct Published {
    /// Stored now, or a repeat.
    pub status: AckStatus,
    /// Where it stands: for a duplicate the first one's place.
    pub place: Place,
    /// Subscriptions that the topic had here at that moment; 0 for a duplicate.
    pub subscribers: usize,
}

impl Published {
    fn duplicate(place: Place) -> Self {
        Self { status: AckStatus::Duplicate, place, subscribers: 0 }
    }
}

/// What has to be done after a publish, by whoever published.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Duty {
    /// The right to fan out, where nobody else had it.
    pub(crate) fan_out: Option<FanOut<Connection>>,
    /// The topic, where it lags: its publishers have to wait.
    pub(crate) congested: Option<Arc<Topic<Connection>>>,
}

/// What [`Gateway::store`] has come to.
pub(crate) enum Stored {
    /// It is known already.
    Now(Published, Duty),
    /// The backbone has to answer first.
    Later(BoxFuture<'static, Result<Published, PublishError>>),
}

/// Why there is no such topic to work on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTopic {
    /// There is no room for it.
    #[error(transparent)]
    TooMany(#[from] TooManyTopics),
    /// It is not attached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl NoTopic {
    /// As on the wire.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::TooMany(_) => ErrorCode::TooManyTopics,
            Self::Unavailable(_) => ErrorCode::BackboneUnavailable,
        }
    }
}

/// Why a publish was not acknowledged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no room for the topic.
    #[error(transparent)]
    TooManyTopics(#[from] hub::TooManyTopics),
    /// It is not known to be stored. Published again with the same message id, it is stored once.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The gateway is about to stop.
    #[error("the gateway is about to stop: connect again")]
    ShuttingDown,
}

impl PublishError {
    /// As on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyTopics(_) => ErrorCode::TooManyTopics,
            Self::Unavailable(_) => ErrorCode::BackboneUnavailable,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
        }
    }
}

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
        let clock = Clock::start();
        let topics = hub::directory::Limits {
            max_topics: config.limits.max_topics,
            max_topics_per_user: config.limits.max_topics_per_user,
            meta_ttl: config.history.meta_ttl,
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
        let instruments =
            hub::directory::Instruments { signer: keyring.signer(), meter: meter.clone() };
        Ok(Self {
            authenticator: auth::authenticator(&config, meter.clone())?,
            api_keys: config
                .http
                .api_keys_file
                .as_deref()
                .map(ApiKeys::read)
                .transpose()?
                .map(ArcSwap::from_pointee),
            topics: Directory::new(topics, history, clock, new_epoch, instruments),
            keyring,
            slo: Slo::new(meter.clone()),
            meter,
            dedup: Arc::new(Dedup::new(claims, clock)),
            shared_log: None,
            sessions: Arc::new(session::Memory::new(sessions, clock)),
            clock,
            admission: Admission::new(&config.limits, clock),
            connections: Connections::default(),
            per_user: PerUser::new(config.limits.max_connections_per_user),
            unfinished: Unfinished::new(config.limits.unfinished_bytes),
            replay_rate: ReplayRate::new(&config.limits, clock),
            subscriptions: AtomicUsize::new(0),
            tasks: TaskTracker::new(),
            progress: Progress::default(),
            config,
        })
    }

    /// A gateway whose topics are numbered by `backbone`, together with other gateways. As
    /// [`Gateway::new`] else.
    ///
    /// # Errors
    /// [`KeyError`]: a key that the configuration names cannot be used.
    pub fn with_backbone(config: Config, backbone: Arc<dyn Backbone>) -> Result<Self, KeyError> {
        let shared_log = Some(SharedLog::new(backbone, config.backbone.publish_timeout));
        Ok(Self { shared_log, ..Self::new(config)? })
    }

    /// With this one instead of the configuration's.
    #[cfg(test)]
    pub(crate) fn with_authenticator(self, authenticator: Box<dyn Authenticator>) -> Self {
        Self { authenticator, ..self }
    }

    /// Forgets what has expired: messages, topics, message ids, sessions, and rates of replays that
    /// are not used any more. Between pieces of less than some milliseconds other tasks run.
    /// Cancel-safe.
    pub(crate) async fn expire(&self) {
        self.replay_rate.expire();
        while self.expire_some() {
            yield_now().await;
        }
    }

    /// A piece of what [`Gateway::expire`] does for messages, topics, message ids and sessions.
    /// True: there is more.
    pub(crate) fn expire_some(&self) -> bool {
        let more =
            [self.topics.expire_some(), self.dedup.expire_some(), self.sessions.expire_some()];
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

    /// Who tells users from their tokens.
    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }

    /// The keys of backends, where there are any.
    #[must_use]
    pub fn api_keys(&self) -> Option<Guard<Arc<ApiKeys>>> {
        self.api_keys.as_ref().map(ArcSwap::load)
    }

    /// Lets in backends with these keys and no others from now on; without effect if there were
    /// none at the start.
    pub(crate) fn exchange_api_keys(&self, keys: ApiKeys) {
        if let Some(present) = &self.api_keys {
            present.store(Arc::new(keys));
        }
    }

    /// What there is right now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.connections.len() as u64,
            topics: self.topics.topics_in_use() as u64,
            subscriptions: self.subscriptions.load(Relaxed) as u64,
        }
    }

    /// Whether load balancers should send clients here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.progress.has_reached(Phase::Unready)
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

    /// Publishes once per user and message id, `now`, and makes it due. `last` is the topic that
    /// the caller used last.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored, and the message id is free.
    pub(crate) fn store(
        &self,
        publisher: Publisher<'_>,
        topic: &protocol::Topic<'_>,
        message_id: &MessageId<'_>,
        data: &str,
        now: Micros,
        last: &mut Option<Arc<Topic<Connection>>>,
    ) -> Result<Stored, PublishError> {
        if !self.takes_work() {
            return Err(PublishError::ShuttingDown);
        }
        if let Some(shared_log) = &self.shared_log {
            return Ok(shared_log.store(self, publisher, topic, message_id, data));
        }
        let claim =
            self.dedup.once(publisher.user(), publisher.counted(), message_id, now, || {
                let append = |topic: &Arc<Topic<_>>| -> Result<_, Retired> {
                    Ok((topic.append(now, message_id, data)?, topic.clone()))
                };
                let (appended, topic) = self.topics.with(topic, publisher.owner(), last, append)?;
                let place = Place { topic: topic.name().clone(), seq_no: appended.seq_no };
                Ok::<_, hub::TooManyTopics>(((place.clone(), appended, topic), place))
            })?;
        self.meter.count_publish(match claim {
            Claim::Duplicate(_) => AckStatus::Duplicate,
            Claim::First(_) => AckStatus::Ok,
        });
        Ok(match claim {
            Claim::Duplicate(place) => Stored::Now(Published::duplicate(place), Duty::default()),
            Claim::First((place, appended, topic)) => {
                let Appended { subscribers, congested, fan_out, .. } = appended;
                let duty = Duty { fan_out, congested: congested.then_some(topic) };
                Stored::Now(Published { status: AckStatus::Ok, place, subscribers }, duty)
            }
        })
    }

    /// Makes a topic known here that the backbone numbers; a new one is this user's. `None`: there
    /// is nothing to wait for. Whether it succeeded shows in [`Gateway::with_topic`].
    /// Cancel-safe.
    pub(crate) fn attach(
        self: &Arc<Self>,
        topic: &protocol::Topic<'_>,
        user: &UserId<'_>,
    ) -> Option<BoxFuture<'static, ()>> {
        self.shared_log.as_ref()?.attach(self, topic, user)
    }

    /// As [`Gateway::attach`] for those of these names that are topics, side by side.
    pub(crate) async fn attach_all<'a>(
        self: &Arc<Self>,
        names: impl Iterator<Item = &'a str>,
        user: &UserId<'_>,
    ) {
        if self.shared_log.is_some() {
            let topics = names.filter_map(|name| protocol::Topic::new(name).ok());
            join_all(topics.filter_map(|topic| self.attach(&topic, user))).await;
        }
    }

    /// Does `act` on the topic of this name. If there is none and this process numbers topics, it
    /// is made and is `user`'s. `last` is the topic that the caller used last.
    ///
    /// # Errors
    /// [`NoTopic`]
    pub(crate) fn with_topic<T>(
        &self,
        name: &protocol::Topic<'_>,
        user: &UserId<'_>,
        last: &mut Option<Arc<Topic<Connection>>>,
        act: impl FnMut(&Arc<Topic<Connection>>) -> Result<T, Retired>,
    ) -> Result<T, NoTopic> {
        if self.shared_log.is_none() {
            return Ok(self.topics.with(name, Owner::User(user.as_str()), last, act)?);
        }
        let found = self.topics.find(name);
        found.as_ref().map(act).and_then(Result::ok).ok_or_else(|| {
            match self.topics.limit_reached(Owner::User(user.as_str())) {
                Some(full) => NoTopic::TooMany(full),
                None => NoTopic::Unavailable(Unavailable),
            }
        })
    }

    /// Publishes for a backend, and waits while the topic lags by more than its limit. `user` says
    /// only whose message id it is. Cancel-safe: once it was stored, it is delivered.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored.
    pub async fn publish(
        &self,
        user: &str,
        topic: &protocol::Topic<'_>,
        message_id: &MessageId<'_>,
        payload: &Payload<'_>,
    ) -> Result<Published, PublishError> {
        let (published, duty) = match self.store(
            Publisher::Backend { user },
            topic,
            message_id,
            payload.get(),
            self.clock.now(),
            &mut None,
        )? {
            Stored::Now(published, duty) => (published, duty),
            Stored::Later(published) => return published.await,
        };
        if let Some(fan_out) = duty.fan_out {
            self.tasks.spawn(drive::to_the_end(fan_out));
        }
        if let Some(topic) = duty.congested {
            topic.below_backlog().await;
        }
        Ok(published)
    }
}

/// 96 random bits.
fn new_epoch() -> Epoch<'static> {
    let name = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>());
    Epoch::new(name).unwrap_or_else(|why| unreachable!("base64url is an epoch's alphabet: {why}"))
}
