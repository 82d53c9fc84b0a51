//! The protocol's state machine of one client: a frame in, answers and duties out. Does no I/O; what it collects in a turn is
//! taken by [`super::drive`].

use super::{Connection, connection::Held};
use crate::{
    auth::{Identity, Refused},
    gateway::{Duty, Gateway, Published},
    hub::{FanOut, Joined, Subscription, Topic, topic::Name},
    websocket::{pong_frame, put_text_frame},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{FutureExt, future::BoxFuture};
use hashbrown::{Equivalent, HashMap};
use protocol::{
    ClientFrame, CloseCode, Epoch, ErrorCode, Failure, Limits, Position, Publish, Ready, Rejected, SeqNo, ServerFrame, Setup, Subscribe,
    Subscribed, Unsubscribe, Unsubscribed, UserId, encode,
};
use std::{
    borrow::Cow,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// How often a client may try to authenticate.
const ATTEMPTS: u8 = 3;

/// Goes on with the next frame, or not.
pub(super) type Flow = ControlFlow<Stop>;

/// Why the next frame is not handled.
pub(super) enum Stop {
    /// Not before this is known: give it to [`Conversation::admit`].
    Wait(Admission),
    /// Not at all: the connection ends.
    Close(Closing),
}

/// What a `setup` waits for.
pub(super) type Admission = BoxFuture<'static, Admitted>;

/// A `setup`, and who it is from.
pub(super) struct Admitted {
    setup: Setup<'static>,
    identity: Result<Identity, Refused>,
}

/// Why the connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl From<Closing> for Stop {
    fn from(closing: Closing) -> Self {
        Self::Close(closing)
    }
}

impl From<CloseCode> for Closing {
    fn from(code: CloseCode) -> Self {
        Self { code: code.number(), reason: code.meaning().into() }
    }
}

/// One client's state.
pub(super) struct Conversation {
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    phase: Phase,
    subscriptions: HashMap<Arc<Name>, Subscription<Connection>, ahash::RandomState>,
    /// Where the last publish went: most publishers stay with one topic.
    last_topic: Option<Arc<Topic<Connection>>>,
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
    SetUp(UserId<'static>),
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
            gateway,
            connection,
            phase: Phase::Arrived { topic, failures: 0 },
            subscriptions: HashMap::default(),
            last_topic: None,
            not_understood: 0,
            turn: Turn::default(),
        }
    }

    pub(super) fn is_set_up(&self) -> bool {
        matches!(self.phase, Phase::SetUp(_))
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
        match ClientFrame::parse(text) {
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
        match (&self.phase, frame) {
            (Phase::Arrived { .. }, ClientFrame::Setup(setup)) => return self.set_up(setup),
            (Phase::Arrived { .. }, other) => self.fail(setup_required(&other)),
            (Phase::SetUp(_), ClientFrame::Setup(_)) => {
                self.fail(failure(
                    ErrorCode::AlreadySetup,
                    "the connection is set up already: subscribe to more topics, or open another one",
                ));
            }
            (Phase::SetUp(_), ClientFrame::Publish(publish)) => self.publish(&publish),
            (Phase::SetUp(_), ClientFrame::Subscribe(subscribe)) => self.subscribe(&subscribe),
            (Phase::SetUp(_), ClientFrame::Unsubscribe(unsubscribe)) => self.unsubscribe(unsubscribe),
            (Phase::SetUp(_), ClientFrame::Ping) => put(&mut self.turn.answers, &ServerFrame::Pong),
            // A receipt moves the position of a session that outlives its connection; this one does not.
            (Phase::SetUp(_), ClientFrame::Ack(_)) => {}
        }
        Flow::Continue(())
    }

    fn set_up(&mut self, setup: Setup<'_>) -> Flow {
        let (gateway, setup) = (self.gateway.clone(), setup.into_owned());
        let admission = async move {
            let identity = gateway.authenticator().authenticate(&setup.token).await;
            Admitted { setup, identity }
        };
        Flow::Break(Stop::Wait(admission.boxed()))
    }

    /// Answers a `setup` after it was checked.
    pub(super) fn admit(&mut self, Admitted { setup, identity }: Admitted) -> Flow {
        let Phase::Arrived { topic, failures } = &mut self.phase else { return Flow::Continue(()) };
        let user = match identity {
            Ok(Identity { user, .. }) => user,
            Err(refused) => {
                *failures += 1;
                let is_last = *failures >= ATTEMPTS;
                self.fail(failure(refused.code(), refused.to_string()));
                return if is_last { Flow::Break(Closing::from(CloseCode::Unauthenticated).into()) } else { Flow::Continue(()) };
            }
        };
        let of_url = topic.take();
        self.phase = Phase::SetUp(user);
        let connection = self.connection.clone();
        let mut held = connection.hold();
        let mut seen = Vec::new();
        for topic in of_url.as_deref().into_iter().chain(setup.topics.iter().map(|topic| &**topic)) {
            if !seen.contains(&topic) {
                seen.push(topic);
                self.subscribe_at_setup(&mut held, topic, setup.position(topic));
            }
        }
        let ready =
            Ready { session_id: new_session_id().into(), resumed: setup.session_id.is_some().then_some(false), limits: self.limits() };
        put(&mut self.turn.answers, &ServerFrame::Ready(ready));
        held.put(std::mem::take(&mut self.turn.answers));
        Flow::Continue(())
    }

    fn subscribe_at_setup(&mut self, held: &mut Held<'_>, topic: &str, position: Option<Position<'_>>) {
        match protocol::Topic::new(topic) {
            Ok(topic) => self.join(held, &topic, position),
            Err(why) => self.fail(Failure { topic: Some(topic.into()), ..failure(ErrorCode::InvalidTopic, format!("topic {why}")) }),
        }
    }

    fn subscribe(&mut self, subscribe: &Subscribe<'_>) {
        let connection = self.connection.clone();
        self.join(&mut connection.hold(), &subscribe.topic, subscribe.position());
    }

    /// Subscribes, and answers. The connection is held meanwhile, so that no message of the topic comes before the answer.
    fn join(&mut self, held: &mut Held<'_>, name: &protocol::Topic<'_>, position: Option<Position<'_>>) {
        if let Some(running) = self.subscriptions.get(&ByName(name)) {
            let topic = running.topic();
            let answer = subscribed(name, topic.head(), topic.epoch(), None);
            return put(&mut self.turn.answers, &answer);
        }
        let limit = self.gateway.config().limits.max_subscriptions;
        if self.subscriptions.len() >= limit {
            let text = format!("a connection may have {limit} subscriptions: unsubscribe from something, or open another one");
            return self.fail(Failure { topic: Some(name.as_str().into()), ..failure(ErrorCode::TooManySubscriptions, text) });
        }
        let joined = self.gateway.topics.with(name, &mut self.last_topic, |topic| topic.join(self.connection.clone()));
        match joined {
            Ok(Joined { subscription, head }) => {
                let topic = subscription.topic().clone();
                let recovered = position.map(|position| nothing_missed(position, head, topic.epoch()));
                put(&mut self.turn.answers, &subscribed(name, head, topic.epoch(), recovered));
                self.subscriptions.insert(topic.name().clone(), subscription);
                self.gateway.subscriptions.fetch_add(1, Relaxed);
                held.put(std::mem::take(&mut self.turn.answers));
            }
            Err(full) => {
                self.fail(Failure { topic: Some(name.as_str().into()), ..failure(ErrorCode::TooManyTopics, full.to_string()) });
            }
        }
    }

    /// The subscription ends before the answer is written: no message of the topic comes behind it.
    fn unsubscribe(&mut self, unsubscribe: Unsubscribe<'_>) {
        if self.subscriptions.remove(&ByName(&unsubscribe.topic)).is_some() {
            self.gateway.subscriptions.fetch_sub(1, Relaxed);
        }
        put(&mut self.turn.answers, &ServerFrame::Unsubscribed(Unsubscribed { topic: unsubscribe.topic, code: None }));
    }

    fn publish(&mut self, publish: &Publish<'_>) {
        let Phase::SetUp(user) = &self.phase else { return };
        let Publish { topic, message_id, payload } = publish;
        match self.gateway.store(user.as_str(), topic, message_id, payload.get(), &mut self.last_topic) {
            Ok((Published { status, place, .. }, Duty { fan_out, congested })) => {
                put_text_frame(&mut self.turn.answers, 100 + topic.as_str().len() + message_id.as_str().len(), |out| {
                    encode::put_ack(out, message_id, status, &place.topic, place.seq_no);
                });
                self.turn.fan_outs.extend(fan_out);
                if let Some(topic) = congested
                    && !self.turn.congested.iter().any(|known| Arc::ptr_eq(known, &topic))
                {
                    self.turn.congested.push(topic);
                }
            }
            Err(error) => self.fail(Failure {
                topic: Some(topic.as_str().into()),
                message_id: Some(message_id.as_str().into()),
                ..failure(error.code(), error.to_string())
            }),
        }
    }

    fn fail(&mut self, failure: Failure<'_>) {
        put(&mut self.turn.answers, &ServerFrame::Error(failure));
    }

    fn limits(&self) -> Limits {
        let config = self.gateway.config();
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Limits {
            max_frame: config.limits.max_frame as u64,
            session_ttl_ms: 0,
            dedup_window_ms: millis(config.dedup.window),
            ping_ms: millis(config.timeouts.ping),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.gateway.subscriptions.fetch_sub(self.subscriptions.len(), Relaxed);
    }
}

/// A subscription is found by its topic's name.
#[derive(Hash)]
struct ByName<'a>(&'a protocol::Topic<'a>);

impl Equivalent<Arc<Name>> for ByName<'_> {
    fn equivalent(&self, name: &Arc<Name>) -> bool {
        *self.0 == **name
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

fn subscribed<'a>(topic: &'a protocol::Topic<'_>, head: u64, epoch: &'a Epoch<'_>, recovered: Option<bool>) -> ServerFrame<'a> {
    ServerFrame::Subscribed(Subscribed {
        topic: topic.reborrow(),
        seq_no: SeqNo::new(head).unwrap_or_default(),
        epoch: epoch.reborrow(),
        recovered,
    })
}

/// Whether it is proved that the client has everything up to `head`. Nothing is kept that could be replayed, so only its own
/// position can prove it.
fn nothing_missed(position: Position<'_>, head: u64, epoch: &Epoch<'_>) -> bool {
    position.last_seq.get() == head && position.epoch.is_none_or(|known| known == epoch.as_str())
}

fn put(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    const EXPECTED: usize = 200;
    put_text_frame(out, EXPECTED, |out| {
        if let Err(error) = serde_json::to_writer(out, frame) {
            unreachable!("the gateway's frames are JSON: {error}");
        }
    });
}

/// 128 random bits.
fn new_session_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}
