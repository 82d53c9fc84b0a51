//! The client as a state machine without I/O: inputs come in, effects go out, time is told to it.
//! What it does is a table of scenarios, `clients/scenarios`, which its tests run.

mod backoff;
mod connecting;
mod publishes;
mod receipts;
mod receiving;
#[cfg(test)]
mod scenarios;
mod setup;
mod subscription;

pub use publishes::{Acked, NewPublish, PublishKey};
pub use subscription::Start;

use crate::{Event, Notice, PublishError, Stop};
use backoff::Backoff;
use protocol::{ClientFrame, CloseCode, Epoch, Limits, SeqNo, Topic, Unsubscribe};
use publishes::{Publishes, Settled};
use receipts::Receipts;
use std::{collections::VecDeque, time::Duration};
use subscription::{Stage, Subscriptions};

/// Something that happened, told to [`Core::handle`].
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection that was asked for is open.
    Opened,
    /// A text frame has come.
    Frame(&'a str),
    /// Anything else has come on the connection, such as a ping.
    Alive,
    /// The connection has ended, by this code; 1006 if there was none.
    Closed(u16),
    /// There is no connection: the attempt failed, for this reason.
    Failed(String),
    /// The opening handshake was refused with this HTTP status.
    HandshakeRefused(u16),
    /// The answer to [`Effect::FetchToken`], or why there is none.
    Token {
        /// The number of the request.
        request: u64,
        /// The token.
        token: Result<String, String>,
    },
    /// Time has passed; see [`Core::wake_at`].
    Time,
}

/// Something to do, from [`Core::effect`].
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Open a connection.
    Connect,
    /// Close the connection by this code, or give up the attempt. Nothing of it counts any more.
    Disconnect(u16),
    /// Send this text frame.
    Send(String),
    /// Ask the provider for a token.
    FetchToken {
        /// The number of the request, to be given back with the token.
        request: u64,
    },
    /// Tell the user.
    Tell(Event),
    /// A publish has been answered, or has failed.
    Settle(PublishKey, Result<Acked, PublishError>),
}

/// Where tokens come from.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// Always the same one.
    Static(String),
    /// From a provider, by [`Effect::FetchToken`].
    Provider,
}

/// The state of the connection.
enum Line {
    /// None; the next attempt is at this time.
    Waiting(Duration),
    /// None; a token is awaited for the next attempt.
    NeedsToken,
    /// None yet; the attempt ends at `until`.
    Connecting { token: String, until: Duration },
    /// Open; it is closed unless `ready` has come `until` then. `again` is when the setup is to be
    /// sent once more.
    SettingUp { until: Duration, again: Option<Duration> },
    /// Set up, at this time.
    Ready(Duration),
    /// None, for good.
    Stopped(Stop),
}

/// The client of one gateway. See the module.
pub struct Core {
    now: Duration,
    chance: Box<dyn FnMut() -> f64 + Send>,
    effects: VecDeque<Effect>,
    line: Line,
    backoff: Backoff,
    source: TokenSource,
    /// The number of the last request for a token, and whether it is unanswered.
    request: (u64, bool),
    /// When a token was last asked for, and when it is to be renewed.
    asked_at: Option<Duration>,
    renew_at: Option<Duration>,
    /// Tokens that were refused in a row.
    refused_tokens: u32,
    session: Option<String>,
    limits: Option<Limits>,
    subscriptions: Subscriptions,
    publishes: Publishes,
    receipts: Receipts,
    /// When something last came, and when a ping was sent that nothing has followed.
    heard: Duration,
    pinged: Option<Duration>,
}

impl Core {
    /// A client that connects at once. `now` is the time since any fixed moment, `chance` gives
    /// numbers from 0 to 1.
    pub fn new(
        source: TokenSource,
        topics: impl IntoIterator<Item = (Topic<'static>, Start)>,
        now: Duration,
        chance: impl FnMut() -> f64 + Send + 'static,
    ) -> Self {
        let mut core = Self {
            now,
            chance: Box::new(chance),
            effects: VecDeque::new(),
            line: Line::Waiting(now),
            backoff: Backoff::default(),
            source,
            request: (0, false),
            asked_at: None,
            renew_at: None,
            refused_tokens: 0,
            session: None,
            limits: None,
            subscriptions: Subscriptions::default(),
            publishes: Publishes::default(),
            receipts: Receipts::default(),
            heard: now,
            pinged: None,
        };
        for (topic, start) in topics {
            core.subscriptions.add(topic, start);
        }
        core.begin();
        core
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) {
        self.now = self.now.max(now);
        if matches!(self.line, Line::Stopped(_)) {
            return;
        }
        if matches!(input, Input::Frame(_) | Input::Alive | Input::Opened) {
            (self.heard, self.pinged) = (self.now, None);
        }
        match input {
            Input::Opened => self.opened(),
            Input::Frame(text) => self.received(text),
            Input::Alive => {}
            Input::Closed(code) => self.closed(code),
            Input::Failed(why) => self.failed(why),
            Input::HandshakeRefused(status) => self.handshake_refused(status),
            Input::Token { request, token } => self.token(request, token),
            Input::Time => self.time(),
        }
        self.send_publishes();
    }

    /// The next thing to do.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Input::Time`] is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        let line = match &self.line {
            Line::Waiting(at) => Some(*at),
            Line::NeedsToken => None,
            Line::Connecting { until, .. } => Some(*until),
            Line::SettingUp { until, again } => Some(again.map_or(*until, |at| at.min(*until))),
            Line::Ready(_) => {
                let quiet = self.quiet_at();
                let others = [self.renewal_at(), self.subscriptions.wake_at(), self.receipts.due()];
                others.into_iter().flatten().chain([quiet]).min()
            }
            Line::Stopped(_) => None,
        };
        let publishes = self.publishes.wake_at(matches!(self.line, Line::Ready(_)));
        [line, publishes].into_iter().flatten().min()
    }

    /// Subscribes to a topic. Without effect if there is a subscription already.
    pub fn subscribe(&mut self, topic: Topic<'static>, start: Start) {
        let is_new = self.subscriptions.add(topic, start);
        if is_new && matches!(self.line, Line::Ready(_)) {
            self.ask_for_topics();
        }
    }

    /// Ends a subscription. No message of the topic is told after it.
    pub fn unsubscribe(&mut self, topic: Topic<'static>) {
        let stage = self.subscriptions.remove(&topic);
        if matches!(stage, Some(Stage::Asked | Stage::Live)) {
            self.leave(topic);
        }
    }

    /// Publishes; the answer is [`Effect::Settle`].
    pub fn publish(&mut self, now: Duration, new: NewPublish) {
        self.now = self.now.max(now);
        let key = new.key;
        let found = new.frame.len();
        let max = self.limits.map_or(u64::MAX, |limits| limits.max_frame);
        let refused = match &self.line {
            Line::Stopped(stop) => Some(PublishError::Stopped(stop.clone())),
            _ if found as u64 > max => Some(PublishError::TooLarge { found, max }),
            _ => None,
        };
        match refused {
            Some(error) => self.settle((key, Err(error))),
            None => match self.publishes.add(new, self.now) {
                Ok(()) => self.send_publishes(),
                Err(settled) => self.settle(settled),
            },
        }
    }

    /// The user has handled a message and all before it. The gateway is told lazily.
    pub fn handled(
        &mut self,
        now: Duration,
        topic: Topic<'static>,
        seq: SeqNo,
        epoch: Epoch<'static>,
    ) {
        self.now = self.now.max(now);
        self.receipts.add(topic, seq, epoch, self.now);
    }

    /// Ends the session. Publishes that have no answer yet fail.
    pub fn close(&mut self) {
        if matches!(self.line, Line::Ready(_)) {
            self.send_receipts();
        }
        self.disconnect(CloseCode::EndSession.number());
        self.stop(Stop::Closed);
    }

    fn send(&mut self, frame: &ClientFrame<'_>) {
        self.effects.push_back(Effect::Send(text(frame)));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push_back(Effect::Tell(Event::Notice(notice)));
    }

    fn settle(&mut self, (key, outcome): Settled) {
        self.effects.push_back(Effect::Settle(key, outcome));
    }

    fn leave(&mut self, topic: Topic<'static>) {
        self.subscriptions.leave(&topic);
        self.send(&ClientFrame::Unsubscribe(Unsubscribe { topic }));
    }

    fn send_publishes(&mut self) {
        if matches!(self.line, Line::Ready(_)) {
            let due = self.publishes.due(self.now);
            self.effects.extend(due.into_iter().map(Effect::Send));
        }
    }

    fn send_receipts(&mut self) {
        for receipt in self.receipts.take() {
            self.send(&ClientFrame::Ack(receipt));
        }
    }

    /// Subscribes to what the setup had no room for, what came later, and what is to be repeated.
    fn ask_for_topics(&mut self) {
        let now = self.now;
        let mut requests = Vec::new();
        for subscription in self.subscriptions.iter_mut() {
            let is_due = match subscription.stage {
                Stage::Unasked => true,
                Stage::Later(at) => at <= now,
                Stage::Asked | Stage::Live => false,
            };
            if is_due {
                subscription.stage = Stage::Asked;
                requests.push(subscription.request());
            }
        }
        for request in requests {
            self.send(&ClientFrame::Subscribe(request));
        }
    }

    fn stop(&mut self, why: Stop) {
        for settled in self.publishes.fail_all(&PublishError::Stopped(why.clone())) {
            self.settle(settled);
        }
        self.notice(Notice::Stopped(why.clone()));
        self.line = Line::Stopped(why);
    }
}

/// The frame as it is sent. Its types have no value that serde_json cannot write.
pub(crate) fn text(frame: &ClientFrame<'_>) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}
