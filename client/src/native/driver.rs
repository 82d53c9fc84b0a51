//! The task behind a client: hands to the core what happens, and does what the core asks for.

use super::{
    Handle, SubSocket,
    address::Address,
    builder::{Builder, Fetch, Provider},
    handle::Command,
    socket::Handled,
    wire::{Incoming, Refused, Wire},
};
use crate::{
    Acked, Event, Notice, PublishError,
    core::{Core, Effect, Input, PublishKey},
};
use protocol::{Epoch, SeqNo, Topic};
use std::{
    collections::{HashMap, VecDeque},
    future::{Future, pending},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};

/// Events that may wait for the user, and commands for the driver.
const EVENTS: usize = 1024;
const COMMANDS: usize = 64;
/// For a provider of tokens.
const TOKEN: Duration = Duration::from_secs(30);

type Opening = Pin<Box<dyn Future<Output = Result<Box<Wire>, Refused>> + Send>>;

enum Line {
    None,
    Opening(Opening),
    Open(Box<Wire>),
}

struct Driver {
    core: Core,
    begun: Instant,
    address: Address,
    line: Line,
    provider: Option<Provider>,
    fetch: Option<(u64, Fetch)>,
    commands: mpsc::Receiver<Command>,
    events: Option<mpsc::Sender<Event>>,
    /// Events that the channel has no room for.
    waiting: VecDeque<Event>,
    handled: Option<Arc<Handled>>,
    publishes: HashMap<PublishKey, oneshot::Sender<Result<Acked, PublishError>>>,
    next_key: PublishKey,
    stopped: bool,
    /// Dropped when the connection has been closed, for the user who waits for that.
    closed: Option<oneshot::Sender<()>>,
}

pub(super) fn start(builder: Builder) -> SubSocket {
    let (commands, received) = mpsc::channel(COMMANDS);
    let (events, told) = mpsc::channel(EVENTS);
    let handled = builder.acks.then(Arc::default);
    let driver = Driver {
        core: Core::new(builder.source, builder.topics, Duration::ZERO, rand::random::<f64>),
        begun: Instant::now(),
        address: builder.address,
        line: Line::None,
        provider: builder.provider,
        fetch: None,
        commands: received,
        events: Some(events),
        waiting: VecDeque::new(),
        handled: handled.clone(),
        publishes: HashMap::new(),
        next_key: 0,
        stopped: false,
        closed: None,
    };
    tokio::spawn(driver.run());
    SubSocket { handle: Handle { commands }, events: told, handled, taken: None }
}

impl Driver {
    async fn run(mut self) {
        loop {
            let closing = self.effects();
            if let Some((wire, code)) = closing {
                let done = wire.close(code);
                // A session that was ended by the user is closed before the user is told; any
                // other connection is replaced at once.
                if self.stopped { done.await } else { drop(tokio::spawn(done)) }
            }
            if self.stopped {
                return self.tell_the_rest().await;
            }
            self.step().await;
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Does what the core asks for; returns a connection that is to be closed.
    fn effects(&mut self) -> Option<(Box<Wire>, u16)> {
        let mut closing = None;
        while let Some(effect) = self.core.effect() {
            match effect {
                Effect::Connect => {
                    self.line = Line::Opening(Box::pin(Wire::open(self.address.clone())));
                }
                Effect::Disconnect(code) => {
                    if let Line::Open(wire) = std::mem::replace(&mut self.line, Line::None) {
                        closing = Some((wire, code));
                    }
                }
                Effect::Send(frame) => {
                    if let Line::Open(wire) = &mut self.line {
                        wire.send(frame);
                    }
                }
                Effect::FetchToken { request } => {
                    self.fetch =
                        self.provider.as_mut().map(|provider| (request, limited(provider())));
                }
                Effect::Tell(event) => self.tell(event),
                Effect::Settle(key, outcome) => {
                    if let Some(sender) = self.publishes.remove(&key) {
                        // The user may not wait for it any more.
                        let _ = sender.send(outcome);
                    }
                }
            }
        }
        closing
    }

    fn tell(&mut self, event: Event) {
        self.stopped |= matches!(event, Event::Notice(Notice::Stopped(_)));
        // A user who only publishes need not read: of what concerns the connection, the oldest
        // that there is room for is kept.
        let is_state =
            matches!(event, Event::Notice(Notice::Connected { .. } | Notice::Waiting { .. }));
        if self.events.is_some() && !(is_state && self.is_full()) {
            self.waiting.push_back(event);
        }
        self.pass_on();
    }

    fn is_full(&self) -> bool {
        self.events.as_ref().is_some_and(|events| events.capacity() == 0)
    }

    /// Moves events to the user while there is room.
    fn pass_on(&mut self) {
        let Some(events) = &self.events else { return self.waiting.clear() };
        while let Some(event) = self.waiting.pop_front() {
            match events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    return self.waiting.push_front(event);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }

    async fn tell_the_rest(mut self) {
        // Nothing else can be asked for: what was asked meanwhile is answered by its end.
        self.commands.close();
        drop(self.closed.take());
        let Some(events) = self.events.take() else { return };
        for event in self.waiting.drain(..) {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }

    /// Waits for the next thing that happens.
    async fn step(&mut self) {
        let wake = self.core.wake_at().map(|at| self.begun + at);
        let may_read = self.waiting.is_empty();
        tokio::select! {
            command = self.commands.recv() => self.command(command),
            incoming = line(&mut self.line, may_read) => self.incoming(incoming),
            token = fetched(&mut self.fetch) => {
                let (request, token) = token;
                self.fetch = None;
                self.core.handle(self.now(), Input::Token { request, token });
            }
            () = room(&self.events, may_read) => {
                if self.events.as_ref().is_some_and(mpsc::Sender::is_closed) {
                    self.events = None;
                }
                self.pass_on();
            }
            () = changed(&self.handled) => self.handled(),
            () = until(wake) => {
                // While the user is slow nothing is read, so silence says nothing.
                if !may_read {
                    self.core.handle(self.now(), Input::Alive);
                }
                self.core.handle(self.now(), Input::Time);
            }
        }
    }

    fn incoming(&mut self, incoming: Happened) {
        let now = self.now();
        match incoming {
            Happened::Opened(Ok(wire)) => {
                self.line = Line::Open(wire);
                self.core.handle(now, Input::Opened);
            }
            Happened::Opened(Err(why)) => {
                self.line = Line::None;
                self.core.handle(
                    now,
                    match why {
                        Refused::Status(status) => Input::HandshakeRefused(status),
                        Refused::Failed(why) => Input::Failed(why),
                    },
                );
            }
            Happened::Came(Incoming::Frame(text)) => self.core.handle(now, Input::Frame(&text)),
            Happened::Came(Incoming::Alive) => self.core.handle(now, Input::Alive),
            Happened::Came(Incoming::Closed(code)) => {
                self.line = Line::None;
                self.core.handle(now, Input::Closed(code));
            }
        }
    }

    fn command(&mut self, command: Option<Command>) {
        let now = self.now();
        match command {
            Some(Command::Publish(mut new, answer)) => {
                new.key = self.next_key;
                self.next_key += 1;
                self.publishes.insert(new.key, answer);
                self.core.publish(now, new);
            }
            Some(Command::Subscribe(topic, start)) => self.core.subscribe(topic, start),
            Some(Command::Unsubscribe(topic)) => self.core.unsubscribe(topic),
            Some(Command::Close(done)) => {
                self.handled();
                self.core.close();
                self.closed = Some(done);
            }
            None => self.core.close(),
        }
    }

    fn handled(&mut self) {
        let numbers = self.handled.as_ref().map(|handled| handled.take()).unwrap_or_default();
        let now = self.now();
        for (topic, (seq_no, epoch)) in numbers {
            let name = (Topic::new(topic), SeqNo::new(seq_no), Epoch::new(epoch));
            if let (Ok(topic), Ok(seq_no), Ok(epoch)) = name {
                self.core.handled(now, topic, seq_no, epoch);
            }
        }
    }
}

enum Happened {
    Opened(Result<Box<Wire>, Refused>),
    Came(Incoming),
}

async fn line(line: &mut Line, may_read: bool) -> Happened {
    match line {
        Line::None => pending().await,
        Line::Opening(opening) => Happened::Opened(opening.await),
        Line::Open(wire) => Happened::Came(wire.next(may_read).await),
    }
}

/// The provider's answer within its time.
fn limited(fetch: Fetch) -> Fetch {
    Box::pin(async move {
        let late = || "the provider has not answered within 30 s".into();
        timeout(TOKEN, fetch).await.unwrap_or_else(|_| Err(late()))
    })
}

async fn fetched(fetch: &mut Option<(u64, Fetch)>) -> (u64, Result<String, String>) {
    match fetch {
        Some((request, token)) => (*request, token.await.map_err(|error| error.to_string())),
        None => pending().await,
    }
}

/// Waits until the user has taken an event, or has gone.
async fn room(events: &Option<mpsc::Sender<Event>>, is_empty: bool) {
    match events {
        Some(events) if is_empty => events.closed().await,
        Some(events) => drop(events.reserve().await),
        None => pending().await,
    }
}

async fn changed(handled: &Option<Arc<Handled>>) {
    match handled {
        Some(handled) => handled.changed.notified().await,
        None => pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
