//! `setup`: who the client is, the session that it begins or resumes, and the subscriptions that
//! this brings. On a connection that is set up, it renews the token (`renew`).
//!
//! A setup may name many topics. They are handled in parts, and other connections are served
//! between two of them. Until `ready` the connection sets messages aside, so that none comes before
//! it.

use super::{
    Awaited, Closing, Conversation, Flow, Phase, Stop,
    client::Client,
    failure,
    plan::Plan,
    put,
    subscribe::{MAX_TRIES, Preparing, Tries, is_stale},
    subscriptions::From,
};
use crate::{
    admission::Refusal,
    auth::{Identity, Refused},
    backbone::Unavailable,
    gateway::Prepared,
    log,
    session::{self, Opened, Session},
};
use futures_util::{
    FutureExt,
    future::{self, JoinAll},
};
use protocol::{CloseCode, ErrorCode, Failure, Limits, Ready, ServerFrame, Setup};
use std::{borrow::Cow, collections::VecDeque, time::Duration};
use tokio::{task::yield_now, time::Instant};
use tracing::Level;

/// So many refused tokens in a row end a connection.
const ATTEMPTS: u8 = 3;

/// Topics of a setup that are handled before other connections are served: about a tenth of a
/// millisecond, since several setups may take turns. In tests few, so that there are several parts.
const TOPICS_AT_ONCE: usize = if cfg!(test) { 1 } else { 32 };

const ANOTHER_USER: &str = "it is another user's: open another connection for it";

/// A `setup`, who it is from, and the session that it begins or resumes.
pub(in crate::socket) struct Admitted {
    setup: Setup<'static>,
    identity: Result<Identity, Refused>,
    /// `None` if the connection has one already, if the client was not admitted, or if its user
    /// has as many connections as it may. True: it is resumed.
    session: Option<Result<(Session, bool), session::Unavailable>>,
    plan: Plan,
}

/// A `setup` whose topics are being handled.
pub(in crate::socket) struct Progress {
    setup: Setup<'static>,
    plan: Plan,
    /// Of the topics that come next, in their order. `None`: they have to be prepared.
    prepared: Option<VecDeque<Result<Prepared, Unavailable>>>,
    /// How often the next topic was prepared.
    tries: Tries,
    ready: Ready<'static>,
}

impl Progress {
    /// Of nothing yet; `ready` is the last answer.
    pub(super) fn new(setup: Setup<'static>, plan: Plan, ready: Ready<'static>) -> Self {
        Self { setup, plan, prepared: None, tries: 0, ready }
    }
}

impl Conversation {
    /// The first `setup` of a connection, or one that renews its token.
    pub(super) fn set_up(&mut self, setup: Setup<'_>) -> Flow {
        let (gateway, connection, mut setup) =
            (self.gateway.clone(), self.connection.clone(), setup.into_owned());
        let (user, of_url, from) = match &self.phase {
            Phase::Arrived { topic } => (None, topic.clone(), Some(self.address())),
            Phase::SetUp(client) => (Some(client.user.clone()), None, None),
        };
        let admission = async move {
            let is_large = setup.topics.len() > TOPICS_AT_ONCE;
            if is_large {
                // Reading them has taken as long as several parts.
                yield_now().await;
            }
            let identity = gateway.verifiers.authenticator().authenticate(&setup.token, from).await;
            let identity = identity.and_then(|identity| match &user {
                Some(user) if identity.user != *user => Err(Refused::Invalid(ANOTHER_USER.into())),
                _ => Ok(identity),
            });
            let opened = match &identity {
                Ok(identity)
                    if user.is_none() && gateway.registry.per_user.has_room(&identity.user) =>
                {
                    let wanted = setup.session_id.as_deref().and_then(session::Id::parse);
                    Some(
                        gateway
                            .sessions
                            .clone()
                            .open(identity.user.clone(), wanted, connection)
                            .await,
                    )
                }
                _ => None,
            };
            let (session, resumed) = match opened {
                Some(Ok(Opened { session, resumed })) => {
                    (Some(Ok((session, resumed.is_some()))), resumed)
                }
                Some(Err(unavailable)) => (Some(Err(unavailable)), None),
                None => (None, None),
            };
            let is_good = identity.is_ok() && (user.is_some() || matches!(session, Some(Ok(_))));
            let topics = std::mem::take(&mut setup.topics);
            let limit = gateway.config().limits.max_subscriptions;
            let plan =
                if is_good { Plan::new(of_url, topics, resumed, limit) } else { Plan::default() };
            if is_large {
                yield_now().await;
            }
            Awaited::Setup(Box::new(Admitted { setup, identity, session, plan }))
        };
        Flow::Break(Stop::Wait(admission.boxed()))
    }

    /// Answers a `setup` after it was checked.
    pub(super) fn admit(&mut self, Admitted { setup, identity, session, plan }: Admitted) -> Flow {
        match (&self.phase, identity, session) {
            (_, Err(refused), _) => return self.refuse(&refused),
            (Phase::SetUp(_), Ok(identity), _) => return self.renew(setup, identity, plan),
            (Phase::Arrived { .. }, Ok(identity), Some(Ok(session)))
                if self.gateway.registry.per_user.enter(&identity.user) =>
            {
                return self.begin(setup, identity, session, plan);
            }
            (Phase::Arrived { .. }, Ok(_), None | Some(Ok(_))) => {
                self.gateway.admission.count(Refusal::PerUser);
                return Flow::Break(too_many_of_user().into());
            }
            (Phase::Arrived { .. }, Ok(_), Some(Err(why))) => {
                self.fail(failure(ErrorCode::BackboneUnavailable, why.to_string()))
            }
        }
        Flow::Continue(())
    }

    /// Answers a `setup` whose token is not taken. One that cannot be checked does not count.
    fn refuse(&mut self, refused: &Refused) -> Flow {
        self.fail(failure(refused.code(), refused.to_string()));
        self.refused_tokens += u8::from(!matches!(refused, Refused::Unavailable(_)));
        if self.refused_tokens >= ATTEMPTS {
            return Flow::Break(Closing::from(CloseCode::Unauthenticated).into());
        }
        Flow::Continue(())
    }

    /// Subscribes to the URL's topic, those of the `setup`, and those that the session has.
    fn begin(
        &mut self,
        setup: Setup<'static>,
        identity: Identity,
        (session, is_resumed): (Session, bool),
        plan: Plan,
    ) -> Flow {
        let Identity { user, rights, expires } = identity;
        self.refused_tokens = 0;
        let ready = Ready {
            session_id: session.id().to_text().into(),
            resumed: setup.session_id.is_some().then_some(is_resumed),
            limits: self.limits(),
            expires_in_ms: None,
        };
        let connection = &self.connection;
        if tracing::enabled!(Level::DEBUG) {
            let session = log::alias(&ready.session_id);
            tracing::debug!(connection = connection.number(), client = %self.address(), session, resumed = is_resumed, "a connection is set up");
        }
        connection.expire_at(expires);
        connection.set_messages_aside();
        self.phase =
            Phase::SetUp(Client { user, rights, expires: expires.map(|end| end.instant), session });
        self.proceed(Box::new(Progress::new(setup, plan, ready)))
    }

    /// Handles the next topics of a setup. `ready` comes behind the last one.
    pub(super) fn proceed(&mut self, mut progress: Box<Progress>) -> Flow {
        let prepared = match progress.prepared.take() {
            Some(prepared) => prepared,
            None => match self.prepare_next(&progress) {
                None => VecDeque::new(),
                Some(preparing) => {
                    let awaited = preparing.map(|prepared| {
                        progress.prepared = Some(prepared.into());
                        progress.tries += 1;
                        Awaited::Topics(progress)
                    });
                    return Flow::Break(Stop::Wait(awaited.boxed()));
                }
            },
        };
        let mut prepared = prepared.into_iter();
        for _ in 0..TOPICS_AT_ONCE {
            let prepared = prepared.next().unwrap_or_else(|| Ok(Prepared::default()));
            if is_stale(&prepared) && progress.tries < MAX_TRIES && !self.is_next_ready(&progress) {
                return self.proceed(progress);
            }
            let Some((topic, stored)) = progress.plan.next() else {
                return self.get_ready(*progress);
            };
            progress.tries = 0;
            self.subscribe_at_setup(&topic, &progress.setup, stored, prepared);
        }
        let awaited = yield_now().map(|()| Awaited::Topics(progress));
        Flow::Break(Stop::Wait(awaited.boxed()))
    }

    fn is_next_ready(&self, progress: &Progress) -> bool {
        progress
            .plan
            .rest()
            .first()
            .is_none_or(|next| self.prepare_at_setup(next, progress).is_none())
    }

    /// `None`: the topic is ready, or will be refused.
    fn prepare_at_setup(
        &self,
        (topic, stored): &(Cow<'static, str>, Option<session::Position>),
        progress: &Progress,
    ) -> Option<Preparing> {
        let topic = protocol::Topic::new(&**topic).ok()?;
        let from = start_of(topic.as_str(), &progress.setup, stored.clone());
        self.prepare(&topic, &from)
    }

    /// Prepares the topics of a setup that come next and may be subscribed to, side by side.
    /// `None`: all of them are ready.
    fn prepare_next(&self, progress: &Progress) -> Option<JoinAll<Preparing>> {
        if !self.gateway.sequencer.prepares() {
            return None;
        }
        let next = progress.plan.rest().iter().take(TOPICS_AT_ONCE);
        let preparing: Vec<_> = next.map(|next| self.prepare_at_setup(next, progress)).collect();
        let is_ready = preparing.iter().all(Option::is_none);
        let known = || future::ready(Ok(Prepared::default())).boxed();
        (!is_ready).then(|| {
            future::join_all(preparing.into_iter().map(|future| future.unwrap_or_else(known)))
        })
    }

    fn subscribe_at_setup(
        &mut self,
        topic: &str,
        setup: &Setup<'_>,
        stored: Option<session::Position>,
        prepared: Result<Prepared, Unavailable>,
    ) {
        let from = start_of(topic, setup, stored);
        match protocol::Topic::new(topic) {
            // A setup moves no running subscription.
            Ok(topic) if self.subscriptions.get(&topic).is_some() => {
                self.join(&topic, From::Now, None, prepared)
            }
            Ok(topic) => self.join(&topic, from, setup.last.get(topic.as_str()).copied(), prepared),
            Err(why) => self.fail(Failure {
                topic: Some(topic.into()),
                ..failure(ErrorCode::InvalidTopic, format!("topic {why}"))
            }),
        }
    }

    /// Every topic of the setup was handled.
    fn get_ready(&mut self, Progress { plan, mut ready, .. }: Progress) -> Flow {
        self.refuse_excess(&plan);
        ready.expires_in_ms =
            self.expires().map(|end| millis(end.saturating_duration_since(Instant::now())));
        put(&mut self.turn.answers, &ServerFrame::Ready(ready));
        let answers = std::mem::take(&mut self.turn.answers);
        if !std::mem::replace(&mut self.is_ready, true) {
            self.connection.send_what_is_set_aside(answers);
        } else {
            self.connection.cork(answers);
        }
        Flow::Continue(())
    }

    /// One error for all topics that are too many for one setup.
    fn refuse_excess(&mut self, plan: &Plan) {
        let ([(first, _), ..], Phase::SetUp(client)) = (plan.excess(), &self.phase) else { return };
        // Few of thousands are in the session.
        for (topic, _) in plan.excess().iter().filter(|(_, stored)| stored.is_some()) {
            if let Ok(topic) = protocol::Topic::new(&**topic) {
                client.session.remove(&topic.into_owned());
            }
        }
        let (limit, count) = (self.gateway.config().limits.max_subscriptions, plan.excess().len());
        let text = format!(
            "a connection may have {limit} subscriptions: {count} topics of this setup were not handled, this one and those behind it; \
             open another connection for them"
        );
        self.fail(Failure {
            topic: Some(first.clone()),
            ..failure(ErrorCode::TooManySubscriptions, text)
        });
    }

    /// The limits that `ready` tells of.
    pub(super) fn limits(&self) -> Limits {
        let config = self.gateway.config();
        Limits {
            max_frame: config.limits.max_frame as u64,
            max_subscriptions: config.limits.max_subscriptions as u64,
            session_ttl_ms: millis(config.session.ttl),
            dedup_window_ms: millis(config.dedup.window),
            ping_ms: millis(config.timeouts.ping),
        }
    }
}

/// Where a topic of a setup begins: the client's word counts more than the session's.
fn start_of<'a>(topic: &str, setup: &'a Setup<'_>, stored: Option<session::Position>) -> From<'a> {
    match (setup.position(topic), stored) {
        (Some(position), _) => From::Client(position),
        (None, Some(stored)) => From::Session(stored),
        (None, None) => From::Now,
    }
}

fn too_many_of_user() -> Closing {
    Closing {
        reason: "limits.max_connections_per_user: the user has as many connections as it may"
            .into(),
        ..CloseCode::Full.into()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
