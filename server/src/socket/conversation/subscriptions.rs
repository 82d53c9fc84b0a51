//! What one client is subscribed to: each topic's place among its subscribers, and the position that
//! the session remembers. Those that are behind are replayed to ([`replay`]).

mod replay;

use crate::{
    backbone::Unavailable,
    connection::Connection,
    gateway::{Gateway, NoTopic},
    registry::Used,
    session::{self, Session},
};
use hashbrown::{Equivalent, HashMap};
use hub::{
    Joined, Owner, Retired, Start, Subscription, Topic,
    topic::{Name, Page},
};
use protocol::{Epoch, Newest, Position, Receipt, SeqNo, ServerFrame, UserId};
use replay::Read;
pub(in crate::socket) use replay::Replay;
use std::{
    hash::BuildHasher,
    sync::{Arc, LazyLock, atomic::Ordering::Relaxed},
};

pub(super) struct Subscriptions {
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    /// Boxed, because the table has room for three at least, and most have one.
    by_topic: HashMap<Arc<Name>, Box<Subscribed>, SharedState>,
    /// Topics that are behind, each once: they take turns, and it is the turn of the one at
    /// `turn`.
    behind: Vec<Arc<Name>>,
    turn: usize,
    replayed: Used,
    /// What is read of a shared log. Boxed: it is rare.
    read: Option<Box<Read>>,
}

/// One random state for the tables of all connections: it takes no memory in each of them.
#[derive(Clone, Copy, Default)]
struct SharedState;

impl BuildHasher for SharedState {
    type Hasher = ahash::AHasher;

    fn build_hasher(&self) -> Self::Hasher {
        static STATE: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);
        STATE.build_hasher()
    }
}

struct Subscribed {
    subscription: Subscription<Connection>,
    /// As the session has it.
    position: session::Position,
    /// Its place among those that are behind, if it is.
    slot: u32,
}

/// What the answer to `subscribe` says.
pub(super) struct Answer {
    head: u64,
    epoch: Arc<Epoch<'static>>,
    recovered: Option<bool>,
    /// Where the subscription goes on, if the client or its session said where to begin.
    after: Option<u64>,
}

impl Answer {
    pub(super) fn frame<'a>(&'a self, topic: &'a protocol::Topic<'_>) -> ServerFrame<'a> {
        let after = self.after.map(|after| SeqNo::new(after).unwrap_or_default());
        ServerFrame::Subscribed(protocol::Subscribed {
            after,
            ..protocol::Subscribed::at(topic, self.head, &self.epoch, self.recovered)
        })
    }
}

/// Where a new subscription is to begin.
pub(super) enum From<'a> {
    /// Now.
    Now,
    /// The position that the client gives.
    Client(Position<'a>),
    /// The position that the session has.
    Session(session::Position),
}

impl From<'_> {
    /// What can be recovered from. A position that was lost stays lost until the client has
    /// confirmed.
    pub(super) fn position(&self) -> Option<Position<'_>> {
        match self {
            Self::Client(position) => Some(*position),
            Self::Session(stored) if !stored.lost => Some(Position {
                last_seq: SeqNo::new(stored.seq_no).unwrap_or_default(),
                epoch: Some(stored.epoch.as_str()),
            }),
            Self::Session(_) | Self::Now => None,
        }
    }
}

/// Where a subscription is to begin, and with what.
#[derive(Clone, Copy)]
pub(super) struct Begin<'a> {
    pub(super) from: &'a From<'a>,
    /// Of the newest messages, if nothing else is known.
    pub(super) last: Option<Newest>,
    /// What was read of a log behind the position.
    pub(super) page: Option<&'a Page>,
}

impl<'a> Begin<'a> {
    fn start(&self) -> Start<'a> {
        let Self { from, last, page } = *self;
        Start { position: from.position(), page, last: last.map(Newest::get) }
    }
}

impl Subscriptions {
    pub(super) fn new(gateway: Arc<Gateway>, connection: Arc<Connection>) -> Self {
        Self {
            gateway,
            connection,
            by_topic: HashMap::default(),
            behind: Vec::new(),
            turn: 0,
            replayed: Used::default(),
            read: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_topic.len()
    }

    pub(super) fn get(&self, topic: &protocol::Topic<'_>) -> Option<&Arc<Topic<Connection>>> {
        self.by_topic.get(&ByName(topic)).map(|subscribed| subscribed.subscription.topic())
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<Name>> {
        self.by_topic.keys()
    }

    /// Subscribes to a topic that is not subscribed to. The connection has to be held, so that
    /// nothing of the topic comes before the answer.
    pub(super) fn join(
        &mut self,
        name: &protocol::Topic<'_>,
        begin: Begin<'_>,
        user: &UserId<'_>,
        session: &Session,
        last_topic: &mut Option<Arc<Topic<Connection>>>,
    ) -> Result<Answer, NoTopic> {
        let owner = Owner::User(user.as_str());
        let joined = self.gateway.sequencer.with_topic(name, owner, last_topic, |topic| {
            topic.join(self.connection.clone(), begin.start())
        })?;
        self.gateway.registry.subscriptions.fetch_add(1, Relaxed);
        Ok(self.begin(joined, begin, session))
    }

    /// Moves a running subscription to the position that the client gives; without one it stays
    /// where it is. The connection has to be held: what the subscription had not delivered yet
    /// from its old place does not come any more.
    ///
    /// # Errors
    /// [`NoTopic`]: it stays where it is.
    pub(super) fn move_to(
        &mut self,
        name: &protocol::Topic<'_>,
        begin: Begin<'_>,
        session: &Session,
    ) -> Result<Answer, NoTopic> {
        let Some(topic) = self.get(name).cloned() else { return Err(Unavailable.into()) };
        if let From::Now = begin.from {
            let (head, epoch) = topic.position();
            return Ok(Answer { head, epoch, recovered: None, after: None });
        }
        let joined = topic.join(self.connection.clone(), begin.start());
        let joined = joined.map_err(|Retired| Unavailable)?;
        self.end(name);
        Ok(self.begin(joined, begin, session))
    }

    fn begin(
        &mut self,
        joined: Joined<Connection>,
        Begin { from, last, .. }: Begin<'_>,
        session: &Session,
    ) -> Answer {
        let Joined { subscription, head, epoch, after, recovered } = joined;
        let recovered = if matches!(from, From::Session(_)) {
            Some(recovered == Some(true))
        } else {
            recovered
        };
        let topic = subscription.topic().clone();
        let position = session::Position {
            epoch: epoch.clone(),
            seq_no: after,
            lost: recovered == Some(false),
        };
        session.put(topic.name(), position.clone());
        let slot = self.behind.len() as u32;
        if subscription.is_behind() {
            self.behind.push(topic.name().clone());
        }
        self.by_topic
            .insert(topic.name().clone(), Box::new(Subscribed { subscription, position, slot }));
        debug_assert!(self.behind.len() <= self.by_topic.len(), "a client could make it grow");
        let after = (recovered.is_some() || last.is_some()).then_some(after);
        Answer { head, epoch, recovered, after }
    }

    /// False: there was none.
    pub(super) fn leave(&mut self, topic: &protocol::Topic<'_>, session: &Session) -> bool {
        let Some(name) = self.end(topic) else { return false };
        session.remove(&name);
        self.gateway.registry.subscriptions.fetch_sub(1, Relaxed);
        true
    }

    fn end(&mut self, topic: &protocol::Topic<'_>) -> Option<Arc<Name>> {
        let (name, subscribed) = self.by_topic.remove_entry(&ByName(topic))?;
        if subscribed.subscription.is_behind() {
            self.leave_the_turns(subscribed.slot as usize);
        }
        Some(name)
    }

    /// Moves the position from which a resumed session is replayed. Cumulative; what cannot be
    /// right is ignored.
    pub(super) fn handled(&mut self, receipt: &Receipt<'_>, session: &Session) {
        let Some(subscribed) = self.by_topic.get_mut(&ByName(&receipt.topic)) else { return };
        let epoch = subscribed.subscription.topic().epoch();
        let (position, seq_no) = (&mut subscribed.position, receipt.seq_no.get());
        let named = receipt.epoch.as_ref().map(|named| named.as_str() == epoch.as_str());
        let moves = match (*position.epoch == *epoch, named) {
            (true, None | Some(true)) if position.lost => seq_no >= position.seq_no,
            (true, None | Some(true)) => seq_no > position.seq_no,
            // The numbering has begun anew: a number without its epoch may be an old one.
            (false, Some(true)) => true,
            (_, Some(false)) | (false, None) => false,
        };
        if moves && seq_no <= subscribed.subscription.sent() {
            *position = session::Position { epoch, seq_no, lost: false };
            session.put(subscribed.subscription.topic().name(), position.clone());
        }
    }

    /// Ends some subscriptions of a connection that has ended, so that others are served between
    /// two calls. False: none is left.
    pub(super) fn end_some(&mut self) -> bool {
        const AT_ONCE: usize = 64;
        let ended = self.by_topic.extract_if(|_, _| true).take(AT_ONCE).count();
        self.gateway.registry.subscriptions.fetch_sub(ended, Relaxed);
        !self.by_topic.is_empty()
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.gateway.registry.subscriptions.fetch_sub(self.by_topic.len(), Relaxed);
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
