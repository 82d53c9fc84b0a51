//! The protocol's state machine of one client: a frame in, answers and follow-ups out. Does no I/O;
//! what it collects in a turn is taken by [`super::drive`].
//!
//! | module | idea |
//! |---|---|
//! | `setup`, `renew`, `subscribe`, `unsubscribe`, `publish` | the client's frames, by type |
//! | `client` | who the client is, once it is set up |
//! | `reject` | frames that are not understood or come too early |
//! | `stop` | why the next frame is not handled |
//! | `plan` | which topics of a setup are handled |
//! | `subscriptions` | what the client is subscribed to |
//! | `subscriptions/replay` | sends what topics have missed that are behind |
//! | `in_flight` | publishes that wait for the backbone |

mod client;
mod in_flight;
mod plan;
mod publish;
mod reject;
mod renew;
mod setup;
mod stop;
mod subscribe;
mod subscriptions;
mod unsubscribe;

use super::Caller;
use crate::{bucket::Bucket, connection::Connection, gateway::Gateway};
use client::Client;
use hub::{FanOut, Topic, topic::Page};
use in_flight::InFlight;
use protocol::{ClientFrame, CloseCode, ErrorCode, Failure, ServerFrame, encode};
use reject::setup_required;
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    task::{Context, Poll},
};
pub(super) use stop::{Awaited, Closing, Flow, Stop};
pub(super) use subscriptions::Replay;
use subscriptions::Subscriptions;
use tokio::time::Instant;
use websocket::{pong_frame, put_text_frame};

/// Bytes of a message before a good setup, at most; `limits.max_frame` may be less.
const MAX_BEFORE_SETUP: usize = 64 * 1024;

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

    /// Ends some subscriptions of a connection that has ended. False: none is left.
    pub(super) fn end_some(&mut self) -> bool {
        self.subscriptions.end_some()
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

impl Drop for Conversation {
    fn drop(&mut self) {
        self.leave();
    }
}

fn failure<'a>(code: ErrorCode, message: impl Into<Cow<'a, str>>) -> Failure<'a> {
    Failure { code, message: message.into(), topic: None, message_id: None, retry_after_ms: None }
}

fn put(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    const EXPECTED: usize = 200;
    put_text_frame(out, EXPECTED, |out| encode::put_frame(out, frame));
}
