//! The protocol's state machine of one client: a frame in, answers and duties out. Does no I/O;
//! what it collects in a turn is taken by [`super::drive`].

mod in_flight;
mod plan;
mod publishing;
mod setup;
mod subscriptions;

use super::Caller;
use crate::{
    backbone::Unavailable,
    bucket::Bucket,
    connection::Connection,
    gateway::{Gateway, Prepared},
};
use futures_util::{FutureExt, future::BoxFuture};
use hub::{FanOut, Owner, Topic, topic::Page};
use in_flight::InFlight;
use protocol::{
    ClientFrame, CloseCode, ErrorCode, Failure, Newest, Rejected, ServerFrame, Subscribe,
    Unsubscribe, Unsubscribed, encode,
};
use setup::{Admitted, Client, Progress};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll},
};
pub(super) use subscriptions::Replay;
use subscriptions::{Begin, From, Subscriptions};
use tokio::time::Instant;
use websocket::{pong_frame, put_text_frame};

/// Bytes of a message before a good setup, at most; `limits.max_frame` may be less.
const MAX_BEFORE_SETUP: usize = 64 * 1024;

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
    Setup(Box<Admitted>),
    /// Other connections were served in the middle of a `setup`.
    Topics(Box<Progress>),
    /// The topic is ready to be subscribed to, or cannot be.
    Prepared(Subscribe<'static>, Result<Prepared, Unavailable>, Tries),
}

/// How often a topic was prepared: its history may be trimmed each time before it is joined.
pub(super) type Tries = u8;

/// Then a subscription begins without what was not prepared.
const MAX_TRIES: Tries = 3;

/// Makes a topic ready.
type Preparing = BoxFuture<'static, Result<Prepared, Unavailable>>;

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
    /// The client's address; one of IPv4 in its IPv6 form, which takes less memory than an
    /// `IpAddr`.
    address: Ipv6Addr,
    phase: Phase,
    /// Tokens in a row that were refused.
    refused_tokens: u8,
    /// `ready` was sent.
    is_ready: bool,
    subscriptions: Subscriptions,
    /// Where the last publish went: most publishers stay with one topic.
    last_topic: Option<Arc<Topic<Connection>>>,
    published: Bucket,
    in_flight: InFlight,
    /// Publishes in a row that were refused for their rate.
    rate_refusals: u32,
    /// Frames in a row that were not understood.
    not_understood: u32,
    /// What this turn has collected.
    pub(super) turn: Turn,
}

enum Phase {
    /// Before a good setup.
    Arrived {
        /// The topic of the URL.
        topic: Option<String>,
    },
    SetUp(Client),
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
    pub(super) fn new(
        gateway: Arc<Gateway>,
        connection: Arc<Connection>,
        Caller { address, topic }: Caller,
    ) -> Self {
        Self {
            subscriptions: Subscriptions::new(gateway.clone(), connection.clone()),
            gateway,
            connection,
            address: match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            },
            phase: Phase::Arrived { topic },
            refused_tokens: 0,
            is_ready: false,
            last_topic: None,
            published: Bucket::default(),
            in_flight: InFlight::default(),
            rate_refusals: 0,
            not_understood: 0,
            turn: Turn::default(),
        }
    }

    /// The client's address.
    pub(super) fn address(&self) -> IpAddr {
        self.address.to_canonical()
    }

    pub(super) fn is_set_up(&self) -> bool {
        matches!(self.phase, Phase::SetUp(_))
    }

    /// Bytes that a message may have now.
    pub(super) fn max_message(&self) -> usize {
        let max_frame = self.gateway.config().limits.max_frame;
        if self.is_set_up() { max_frame } else { max_frame.min(MAX_BEFORE_SETUP) }
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
        self.fail(failure(
            ErrorCode::TokenExpired,
            "the token has expired: connect again with a fresh one",
        ));
        CloseCode::Unauthenticated.into()
    }

    /// The client has closed, with this code.
    pub(super) fn closed_by_client(&mut self, code: u16) -> Closing {
        if code == CloseCode::EndSession.number()
            && let Some(client) = self.leave()
        {
            client.session.end();
        }
        Closing { code, reason: "".into() }
    }

    /// Takes the client out: its user may have another connection instead.
    fn leave(&mut self) -> Option<Client> {
        match std::mem::replace(&mut self.phase, Phase::Arrived { topic: None }) {
            Phase::Arrived { .. } => None,
            Phase::SetUp(client) => {
                self.gateway.registry.per_user.leave(&client.user);
                Some(client)
            }
        }
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
        self.subscriptions.are_behind() && self.is_ready
    }

    /// Sends a batch of what the client has missed; `read` is what [`Replay::Read`] gave.
    pub(super) fn replay(&mut self, read: Option<Arc<Page>>) -> Replay {
        self.subscriptions.take_page(read);
        match &self.phase {
            Phase::SetUp(client) if !self.connection.has_lapsed() => {
                self.subscriptions.replay(&client.user, &client.session)
            }
            _ => Replay::Done,
        }
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
                rejected = Rejected {
                    code: ErrorCode::SetupRequired,
                    message: SETUP_FIRST.into(),
                    ..rejected
                };
            }
        } else {
            self.not_understood += 1;
        }
        self.fail(rejected.into());
        if self.not_understood as usize >= self.gateway.config().limits.invalid_frames {
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
            ClientFrame::Setup(setup) if self.gateway.verifiers.authenticator().renews() => {
                return self.set_up(setup);
            }
            ClientFrame::Setup(_) => self.fail(failure(
                ErrorCode::AlreadySetup,
                "the connection is set up already: subscribe to more topics, or open another one",
            )),
            ClientFrame::Publish(publish) => return self.publish(&publish),
            ClientFrame::Subscribe(subscribe) => return self.subscribe(subscribe),
            ClientFrame::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe),
            ClientFrame::Ping => put(&mut self.turn.answers, &ServerFrame::Pong),
            ClientFrame::Ack(receipt) => self.subscriptions.handled(&receipt, &client.session),
        }
        Flow::Continue(())
    }

    /// Goes on with a frame that had to wait.
    pub(super) fn go_on(&mut self, awaited: Awaited) -> Flow {
        match awaited {
            Awaited::Setup(admitted) => self.admit(*admitted),
            Awaited::Topics(progress) => self.proceed(progress),
            Awaited::Prepared(subscribe, prepared, tries) => {
                self.join_prepared(subscribe, prepared, tries)
            }
        }
    }

    fn subscribe(&mut self, subscribe: Subscribe<'_>) -> Flow {
        let from = subscribe.position().map_or(From::Now, From::Client);
        if let Some(preparing) = self.prepare(&subscribe.topic, &from) {
            let subscribe = subscribe.into_owned();
            let awaited = preparing.map(|prepared| Awaited::Prepared(subscribe, prepared, 1));
            return Flow::Break(Stop::Wait(awaited.boxed()));
        }
        self.join_now(&subscribe, Ok(Prepared::default()));
        Flow::Continue(())
    }

    fn join_prepared(
        &mut self,
        subscribe: Subscribe<'static>,
        prepared: Result<Prepared, Unavailable>,
        tries: Tries,
    ) -> Flow {
        let from = subscribe.position().map_or(From::Now, From::Client);
        if tries < MAX_TRIES
            && is_stale(&prepared)
            && let Some(preparing) = self.prepare(&subscribe.topic, &from)
        {
            let again = move |prepared| Awaited::Prepared(subscribe, prepared, tries + 1);
            return Flow::Break(Stop::Wait(preparing.map(again).boxed()));
        }
        self.join_now(&subscribe, prepared);
        Flow::Continue(())
    }

    /// Makes a topic ready that may be subscribed to. `None`: it is ready, or will be refused.
    fn prepare(&self, topic: &protocol::Topic<'_>, from: &From<'_>) -> Option<Preparing> {
        let Phase::SetUp(client) = &self.phase else { return None };
        let is_refused = self.subscriptions.get(topic).is_none()
            && self.check_subscription(topic, client).is_err();
        if is_refused {
            return None;
        }
        let owner = Owner::User(client.user.as_str());
        self.gateway.sequencer.prepare(topic, owner, from.position())
    }

    fn join_now(&mut self, subscribe: &Subscribe<'_>, prepared: Result<Prepared, Unavailable>) {
        let from = subscribe.position().map_or(From::Now, From::Client);
        self.join(&subscribe.topic, from, subscribe.last, prepared);
    }

    /// Whether the client may have one more subscription, to this topic.
    fn check_subscription(
        &self,
        topic: &protocol::Topic<'_>,
        client: &Client,
    ) -> Result<(), (ErrorCode, String)> {
        let limit = self.gateway.config().limits.max_subscriptions;
        if !client.rights.may_subscribe(topic) {
            let text = "the token does not cover a subscription to this topic".to_owned();
            Err((ErrorCode::Forbidden, text))
        } else if self.subscriptions.len() >= limit {
            let text = format!(
                "a connection may have {limit} subscriptions: unsubscribe from something, or open \
                 another one"
            );
            Err((ErrorCode::TooManySubscriptions, text))
        } else {
            Ok(())
        }
    }

    /// Subscribes, or moves the subscription that there is, and answers. The connection is held
    /// meanwhile, so that no message comes between what the answer says and the answer.
    fn join(
        &mut self,
        name: &protocol::Topic<'_>,
        from: From<'_>,
        last: Option<Newest>,
        prepared: Result<Prepared, Unavailable>,
    ) {
        let Phase::SetUp(client) = &self.phase else { return };
        let connection = self.connection.clone();
        let mut held = connection.hold();
        let page = prepared.as_ref().map(|prepared| prepared.page.as_deref());
        let start = Begin { from: &from, last, page: page.unwrap_or_default() };
        let joined = if let Err(why) = &prepared {
            Err((ErrorCode::BackboneUnavailable, why.to_string()))
        } else if self.subscriptions.get(name).is_some() {
            self.subscriptions
                .move_to(name, start, &client.session)
                .map_err(|why| (why.code(), why.to_string()))
        } else if let Err(refused) = self.check_subscription(name, client) {
            Err(refused)
        } else {
            self.subscriptions
                .join(name, start, &client.user, &client.session, &mut self.last_topic)
                .map_err(|why| (why.code(), why.to_string()))
        };
        match joined {
            Ok(answer) => {
                put(&mut self.turn.answers, &answer.frame(name));
                held.put(std::mem::take(&mut self.turn.answers));
            }
            Err((code, text)) => {
                // If only the backbone is away, the session may still have it.
                if code != ErrorCode::BackboneUnavailable {
                    client.session.remove(&name.clone().into_owned());
                }
                drop(held);
                self.fail(Failure { topic: Some(name.as_str().into()), ..failure(code, text) });
            }
        }
    }

    /// The subscription ends before the answer is written: no message of the topic comes behind it.
    fn unsubscribe(&mut self, unsubscribe: Unsubscribe<'_>) {
        if let Phase::SetUp(client) = &self.phase {
            let has_left = self.subscriptions.leave(&unsubscribe.topic, &client.session);
            if !has_left {
                // A topic of the session that was unavailable at the setup.
                client.session.remove(&unsubscribe.topic.to_owned().into_owned());
            }
        }
        put(
            &mut self.turn.answers,
            &ServerFrame::Unsubscribed(Unsubscribed { topic: unsubscribe.topic, code: None }),
        );
    }

    /// One that names a message id answers a publish.
    fn fail(&mut self, failure: Failure<'_>) {
        self.gateway.meter.count_error(failure.code);
        let code = failure.code.as_str();
        tracing::debug!(connection = self.connection.number(), client = %self.address(), code, "a client was told of an error");
        let answers_publish = failure.message_id.is_some();
        let frame = ServerFrame::Error(failure);
        if answers_publish {
            self.answer_publish(|out| put(out, &frame));
        } else {
            put(&mut self.turn.answers, &frame);
        }
    }
}

/// Whether the topic may have to be prepared again: it was ready, and may not be so any more.
fn is_stale(prepared: &Result<Prepared, Unavailable>) -> bool {
    prepared.as_ref().is_ok_and(|prepared| prepared.is_attached && prepared.page.is_none())
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.leave();
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

fn put(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    const EXPECTED: usize = 200;
    put_text_frame(out, EXPECTED, |out| encode::put_frame(out, frame));
}
