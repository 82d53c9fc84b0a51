//! The protocol's state machine of one client: a frame in, answers and duties out. Does no I/O; what it collects in a turn is
//! taken by [`super::drive`].

mod in_flight;
mod publishing;
mod subscriptions;

use super::{Connection, bucket::Bucket, connection::Held};
use crate::{
    auth::{Identity, Refused, Rights},
    gateway::Gateway,
    hub::{FanOut, Topic},
    log,
    session::{self, Opened, Session, Store},
    websocket::{pong_frame, put_text_frame},
};
use futures_util::{FutureExt, future::BoxFuture};
use in_flight::InFlight;
use indexmap::IndexMap;
use protocol::{
    ClientFrame, CloseCode, Epoch, ErrorCode, Failure, Limits, Ready, Rejected, ServerFrame, Setup, Subscribe, Subscribed, Unsubscribe,
    Unsubscribed, UserId, encode,
};
use std::{
    borrow::Cow,
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll},
};
pub(super) use subscriptions::Replay;
use subscriptions::{Answer, From, Subscriptions};
use tokio::time::Instant;
use tracing::Level;

/// How often a client may try to authenticate.
const ATTEMPTS: u8 = 3;

/// Goes on with the next frame, or not.
pub(super) type Flow = ControlFlow<Stop>;

/// Why the next frame is not handled.
pub(super) enum Stop {
    /// Not before this is known: give it to [`Conversation::go_on`].
    Wait(BoxFuture<'static, Awaited>),
    /// Not before the backbone has answered a publish.
    Full,
    /// Not at all: the connection ends.
    Close(Closing),
}

/// Why the connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

/// What a frame had to wait for.
pub(super) enum Awaited {
    Setup(Admitted),
    /// The topic is attached, or cannot be.
    Attached(Subscribe<'static>),
}

/// A `setup`, who it is from, and the session that it begins or goes on with.
pub(super) struct Admitted {
    setup: Setup<'static>,
    identity: Result<Identity, Refused>,
    /// `None` where there was one already, or where nobody was admitted.
    session: Option<Result<Opened, session::Unavailable>>,
}

impl std::convert::From<Closing> for Stop {
    fn from(closing: Closing) -> Self {
        Self::Close(closing)
    }
}

impl std::convert::From<CloseCode> for Closing {
    fn from(code: CloseCode) -> Self {
        Self { code: code.number(), reason: code.meaning().into() }
    }
}

/// One client's state.
pub(super) struct Conversation {
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    phase: Phase,
    subscriptions: Subscriptions,
    /// Where the last publish went: most publishers stay with one topic.
    last_topic: Option<Arc<Topic<Connection>>>,
    published: Bucket,
    in_flight: InFlight,
    /// Publishes in a row that were refused for their rate.
    rate_refusals: usize,
    /// Frames in a row that were not understood.
    not_understood: usize,
    /// What this turn has collected.
    pub(super) turn: Turn,
}

enum Phase {
    /// Before a good setup.
    Arrived {
        /// The topic of the URL.
        topic: Option<String>,
        failures: u8,
    },
    SetUp(Client),
}

/// Who is there.
struct Client {
    user: UserId<'static>,
    rights: Rights,
    expires: Option<Instant>,
    session: Session,
}

/// What one read brought.
#[derive(Default)]
pub(super) struct Turn {
    /// Whole frames, in order.
    pub(super) answers: Vec<u8>,
    /// To be driven to their end.
    pub(super) fan_outs: Vec<FanOut<Connection>>,
    /// Topics that lag: they have to catch up before the client is read again.
    pub(super) congested: Vec<Arc<Topic<Connection>>>,
}

impl Conversation {
    pub(super) fn new(gateway: Arc<Gateway>, connection: Arc<Connection>, topic: Option<String>) -> Self {
        Self {
            subscriptions: Subscriptions::new(gateway.clone(), connection.clone()),
            gateway,
            connection,
            phase: Phase::Arrived { topic, failures: 0 },
            last_topic: None,
            published: Bucket::default(),
            in_flight: InFlight::default(),
            rate_refusals: 0,
            not_understood: 0,
            turn: Turn::default(),
        }
    }

    pub(super) fn is_set_up(&self) -> bool {
        matches!(self.phase, Phase::SetUp(_))
    }

    /// When the client's token stops being good.
    pub(super) fn expires(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Arrived { .. } => None,
            Phase::SetUp(client) => client.expires,
        }
    }

    /// The token has stopped being good.
    pub(super) fn expire(&mut self) -> Closing {
        self.fail(failure(ErrorCode::TokenExpired, "the token has expired: connect again with a fresh one"));
        CloseCode::Unauthenticated.into()
    }

    /// The client has closed, with this code.
    pub(super) fn closed_by_client(&mut self, code: u16) -> Closing {
        if code == CloseCode::EndSession.number()
            && let Phase::SetUp(client) = std::mem::replace(&mut self.phase, Phase::Arrived { topic: None, failures: ATTEMPTS })
        {
            client.session.end();
        }
        Closing { code, reason: "".into() }
    }

    /// Whether publishes wait for the backbone.
    pub(super) fn waits_for_the_backbone(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether as many do as may.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight.len() >= self.gateway.config().limits.inflight
    }

    /// The answers to publishes that the backbone has answered.
    pub(super) fn poll_backbone(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        self.in_flight.poll_due(cx)
    }

    /// Whether some topic's messages wait for [`Conversation::replay`].
    pub(super) fn is_behind(&self) -> bool {
        self.subscriptions.are_behind()
    }

    /// Sends a batch of what the client has missed.
    pub(super) fn replay(&mut self) -> Replay {
        match &self.phase {
            Phase::SetUp(client) if !self.connection.has_lapsed() => self.subscriptions.replay(&client.session),
            _ => Replay::Done,
        }
    }

    /// The client is there.
    pub(super) fn answered_ping(&self) {
        self.connection.alive();
    }

    /// Answers a WebSocket ping.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.turn.answers.extend_from_slice(&pong_frame(payload));
    }

    /// Takes one text message.
    pub(super) fn text(&mut self, text: &str) -> Flow {
        match ClientFrame::parse_within(text, self.gateway.config().limits.max_depth) {
            Ok(frame) => {
                self.not_understood = 0;
                self.frame(frame)
            }
            Err(rejected) => self.reject(rejected),
        }
    }

    fn reject(&mut self, mut rejected: Rejected<'_>) -> Flow {
        if rejected.code == ErrorCode::InvalidTopic {
            self.not_understood = 0;
            if !self.is_set_up() {
                rejected = Rejected { code: ErrorCode::SetupRequired, message: SETUP_FIRST.into(), ..rejected };
            }
        } else {
            self.not_understood += 1;
        }
        self.fail(rejected.into());
        if self.not_understood >= self.gateway.config().limits.invalid_frames {
            return Flow::Break(Closing::from(CloseCode::InvalidFrames).into());
        }
        Flow::Continue(())
    }

    fn frame(&mut self, frame: ClientFrame<'_>) -> Flow {
        let Phase::SetUp(client) = &self.phase else {
            return match frame {
                ClientFrame::Setup(setup) => self.set_up(setup),
                other => {
                    self.fail(setup_required(&other));
                    Flow::Continue(())
                }
            };
        };
        match frame {
            ClientFrame::Setup(setup) if self.gateway.authenticator().renews() => return self.set_up(setup),
            ClientFrame::Setup(_) => self
                .fail(failure(ErrorCode::AlreadySetup, "the connection is set up already: subscribe to more topics, or open another one")),
            ClientFrame::Publish(publish) => return self.publish(&publish),
            ClientFrame::Subscribe(subscribe) => return self.subscribe(subscribe),
            ClientFrame::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe),
            ClientFrame::Ping => put(&mut self.turn.answers, &ServerFrame::Pong),
            ClientFrame::Ack(receipt) => self.subscriptions.handled(&receipt, &client.session),
        }
        Flow::Continue(())
    }

    /// The first `setup` of a connection, or one that renews its token.
    fn set_up(&mut self, setup: Setup<'_>) -> Flow {
        let (gateway, connection, setup) = (self.gateway.clone(), self.connection.clone(), setup.into_owned());
        let is_first = !self.is_set_up();
        let of_url = match &self.phase {
            Phase::Arrived { topic, .. } => topic.clone(),
            Phase::SetUp(_) => None,
        };
        let admission = async move {
            let identity = gateway.authenticator().authenticate(&setup.token).await;
            let session = match &identity {
                Ok(identity) if is_first => {
                    let wanted = setup.session_id.as_deref().and_then(session::Id::parse);
                    Some(gateway.sessions.clone().open(identity.user.clone(), wanted, connection).await)
                }
                _ => None,
            };
            if let Some(Ok(opened)) = &session {
                let stored = opened.resumed.iter().flatten().map(|(topic, _)| topic.as_str());
                let asked = of_url.as_deref().into_iter().chain(setup.topics.iter().map(|topic| &**topic));
                gateway.attach_all(asked.chain(stored)).await;
            }
            Awaited::Setup(Admitted { setup, identity, session })
        };
        Flow::Break(Stop::Wait(admission.boxed()))
    }

    /// Goes on with a frame that had to wait.
    pub(super) fn go_on(&mut self, awaited: Awaited) -> Flow {
        match awaited {
            Awaited::Setup(admitted) => self.admit(admitted),
            Awaited::Attached(subscribe) => {
                self.join_now(&subscribe);
                Flow::Continue(())
            }
        }
    }

    /// Answers a `setup` after it was checked.
    fn admit(&mut self, Admitted { setup, identity, session }: Admitted) -> Flow {
        match (&mut self.phase, identity, session) {
            (Phase::SetUp(_), Ok(identity), _) => return self.renew(&setup, identity),
            (Phase::SetUp(_), Err(refused), _) => self.fail(failure(refused.code(), refused.to_string())),
            (Phase::Arrived { .. }, Ok(identity), Some(Ok(opened))) => self.begin(&setup, identity, opened),
            (Phase::Arrived { .. }, Ok(_), Some(Err(why))) => self.fail(failure(ErrorCode::BackboneUnavailable, why.to_string())),
            (Phase::Arrived { .. }, Ok(_), None) => {}
            (Phase::Arrived { failures, .. }, Err(refused), _) => {
                *failures += u8::from(!matches!(refused, Refused::Unavailable(_)));
                let is_last = *failures >= ATTEMPTS;
                self.fail(failure(refused.code(), refused.to_string()));
                if is_last {
                    return Flow::Break(Closing::from(CloseCode::Unauthenticated).into());
                }
            }
        }
        Flow::Continue(())
    }

    /// Subscribes to the URL's topic, those of the `setup`, and those that the session had.
    fn begin(&mut self, setup: &Setup<'_>, Identity { user, rights, expires }: Identity, Opened { session, resumed }: Opened) {
        let of_url = match &mut self.phase {
            Phase::Arrived { topic, .. } => topic.take(),
            Phase::SetUp(_) => None,
        };
        let is_resumed = resumed.is_some();
        let mut stored: IndexMap<String, session::Position> =
            resumed.into_iter().flatten().map(|(topic, position)| (topic.as_str().to_owned(), position)).collect();
        let ready = Ready {
            session_id: session.id().to_text().into(),
            resumed: setup.session_id.is_some().then_some(is_resumed),
            limits: self.limits(),
            expires_in_ms: None,
        };
        let connection = self.connection.clone();
        if tracing::enabled!(Level::DEBUG) {
            let session = log::alias(&ready.session_id);
            tracing::debug!(connection = connection.number(), session, resumed = is_resumed, "a connection is set up");
        }
        connection.expire_at(expires);
        self.phase = Phase::SetUp(Client { user, rights, expires, session });
        let mut held = connection.hold();
        let mut seen = Vec::new();
        for topic in of_url.as_deref().into_iter().chain(setup.topics.iter().map(|topic| &**topic)) {
            if !seen.contains(&topic) {
                seen.push(topic);
                let of_session = stored.shift_remove(topic);
                self.subscribe_at_setup(&mut held, topic, setup, of_session);
            }
        }
        for (topic, position) in stored {
            self.subscribe_at_setup(&mut held, &topic, setup, Some(position));
        }
        put(&mut self.turn.answers, &ServerFrame::Ready(ready));
        held.put(std::mem::take(&mut self.turn.answers));
    }

    fn subscribe_at_setup(&mut self, held: &mut Held<'_>, topic: &str, setup: &Setup<'_>, stored: Option<session::Position>) {
        let from = match (setup.position(topic), stored) {
            (Some(position), _) => From::Client(position),
            (None, Some(stored)) => From::Session(stored),
            (None, None) => From::Now,
        };
        match protocol::Topic::new(topic) {
            Ok(topic) => self.join(held, &topic, from),
            Err(why) => self.fail(Failure { topic: Some(topic.into()), ..failure(ErrorCode::InvalidTopic, format!("topic {why}")) }),
        }
    }

    /// Goes on with a fresh token: longer, and with its rights.
    fn renew(&mut self, setup: &Setup<'_>, Identity { user, rights, expires }: Identity) -> Flow {
        let limits = self.limits();
        let connection = self.connection.clone();
        let mut held = connection.hold();
        if connection.has_lapsed() {
            drop(held);
            return Flow::Break(self.expire().into());
        }
        let Phase::SetUp(client) = &mut self.phase else { return Flow::Continue(()) };
        if client.user != user {
            drop(held);
            self.fail(failure(ErrorCode::AuthFailed, "the token is another user's: open another connection for it"));
            return Flow::Continue(());
        }
        connection.expire_at(expires);
        (client.rights, client.expires) = (rights, expires);
        let uncovered: Vec<_> = self.subscriptions.topics().filter(|topic| !client.rights.may_subscribe(topic)).cloned().collect();
        for topic in uncovered {
            self.subscriptions.leave(&topic, &client.session);
            let ended = Unsubscribed { topic: topic.reborrow(), code: Some(ErrorCode::Forbidden) };
            put(&mut self.turn.answers, &ServerFrame::Unsubscribed(ended));
        }
        let session_id = client.session.id().to_text();
        let resumed = setup.session_id.as_ref().map(|named| **named == *session_id);
        put(&mut self.turn.answers, &ServerFrame::Ready(Ready { session_id: session_id.into(), resumed, limits, expires_in_ms: None }));
        held.put(std::mem::take(&mut self.turn.answers));
        Flow::Continue(())
    }

    fn subscribe(&mut self, subscribe: Subscribe<'_>) -> Flow {
        if let Some(attached) = self.gateway.attach(&subscribe.topic) {
            let subscribe = subscribe.into_owned();
            return Flow::Break(Stop::Wait(attached.map(|()| Awaited::Attached(subscribe)).boxed()));
        }
        self.join_now(&subscribe);
        Flow::Continue(())
    }

    fn join_now(&mut self, subscribe: &Subscribe<'_>) {
        let connection = self.connection.clone();
        let from = subscribe.position().map_or(From::Now, From::Client);
        self.join(&mut connection.hold(), &subscribe.topic, from);
    }

    /// Subscribes, and answers. The connection is held meanwhile, so that no message of the topic comes before the answer.
    fn join(&mut self, held: &mut Held<'_>, name: &protocol::Topic<'_>, from: From<'_>) {
        let Phase::SetUp(client) = &self.phase else { return };
        if let Some(topic) = self.subscriptions.get(name) {
            let (head, epoch) = topic.position();
            return put(&mut self.turn.answers, &answer(name, head, &epoch, None));
        }
        let limit = self.gateway.config().limits.max_subscriptions;
        let joined = if !client.rights.may_subscribe(name) {
            Err((ErrorCode::Forbidden, "the token does not cover a subscription to this topic".to_owned()))
        } else if self.subscriptions.len() >= limit {
            let text = format!("a connection may have {limit} subscriptions: unsubscribe from something, or open another one");
            Err((ErrorCode::TooManySubscriptions, text))
        } else {
            let joined = self.subscriptions.join(name, from, &client.session, &mut self.last_topic);
            joined.map_err(|why| (why.code(), why.to_string()))
        };
        match joined {
            Ok(Answer { head, epoch, recovered }) => {
                put(&mut self.turn.answers, &answer(name, head, &epoch, recovered));
                held.put(std::mem::take(&mut self.turn.answers));
            }
            Err((code, text)) => {
                // Where only the backbone is away, the session may still have it.
                if code != ErrorCode::BackboneUnavailable {
                    client.session.remove(&name.clone().into_owned());
                }
                self.fail(Failure { topic: Some(name.as_str().into()), ..failure(code, text) });
            }
        }
    }

    /// The subscription ends before the answer is written: no message of the topic comes behind it.
    fn unsubscribe(&mut self, unsubscribe: Unsubscribe<'_>) {
        if let Phase::SetUp(client) = &self.phase {
            self.subscriptions.leave(&unsubscribe.topic, &client.session);
        }
        put(&mut self.turn.answers, &ServerFrame::Unsubscribed(Unsubscribed { topic: unsubscribe.topic, code: None }));
    }

    /// One that names a message id answers a publish.
    fn fail(&mut self, failure: Failure<'_>) {
        self.gateway.meter.count_error(failure.code);
        tracing::debug!(connection = self.connection.number(), code = failure.code.as_str(), "a client was told of an error");
        let answers_publish = failure.message_id.is_some();
        let frame = ServerFrame::Error(failure);
        if answers_publish {
            self.answer_publish(|out| put(out, &frame));
        } else {
            put(&mut self.turn.answers, &frame);
        }
    }

    fn limits(&self) -> Limits {
        let config = self.gateway.config();
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Limits {
            max_frame: config.limits.max_frame as u64,
            max_subscriptions: config.limits.max_subscriptions as u64,
            session_ttl_ms: millis(config.session.ttl),
            dedup_window_ms: millis(config.dedup.window),
            ping_ms: millis(config.timeouts.ping),
        }
    }
}

const SETUP_FIRST: &str = "send setup first: {\"type\":\"setup\",\"token\":\"…\"}";

fn setup_required<'a>(frame: &'a ClientFrame<'_>) -> Failure<'a> {
    let (topic, message_id) = match frame {
        ClientFrame::Publish(publish) => (Some(&publish.topic), Some(&publish.message_id)),
        ClientFrame::Subscribe(subscribe) => (Some(&subscribe.topic), None),
        ClientFrame::Unsubscribe(unsubscribe) => (Some(&unsubscribe.topic), None),
        ClientFrame::Ack(receipt) => (Some(&receipt.topic), None),
        ClientFrame::Setup(_) | ClientFrame::Ping => (None, None),
    };
    Failure {
        topic: topic.map(|topic| topic.as_str().into()),
        message_id: message_id.map(|id| id.as_str().into()),
        ..failure(ErrorCode::SetupRequired, SETUP_FIRST)
    }
}

fn failure<'a>(code: ErrorCode, message: impl Into<Cow<'a, str>>) -> Failure<'a> {
    Failure { code, message: message.into(), topic: None, message_id: None, retry_after_ms: None }
}

fn answer<'a>(topic: &'a protocol::Topic<'_>, head: u64, epoch: &'a Epoch<'_>, recovered: Option<bool>) -> ServerFrame<'a> {
    ServerFrame::Subscribed(Subscribed::at(topic, head, epoch, recovered))
}

fn put(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    const EXPECTED: usize = 200;
    put_text_frame(out, EXPECTED, |out| encode::put_frame(out, frame));
}
