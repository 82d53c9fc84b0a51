//! What one client is subscribed to: each topic's place among its subscribers, the position that the session remembers, and who is
//! behind and has to be replayed to.

use super::{answer, put};
use crate::{
    gateway::{Gateway, NoTopic},
    hub::{
        CatchUp, Joined, Subscription, Topic,
        history::Budget,
        topic::{Name, Retired},
    },
    session::{self, Session},
    socket::{
        Connection,
        bucket::{Bucket, Rate},
    },
};
use hashbrown::{Equivalent, HashMap};
use protocol::{Epoch, Position, Receipt, SeqNo};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// The bytes of one batch of a replay, so that others get their turn.
const BATCH_BYTES: usize = 64 * 1024;

/// A replay that has used up its rate waits at least this long, so that it goes on with a batch and not with a message.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

pub(super) struct Subscriptions {
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    /// Boxed, because the table has room for three at least, and most have one.
    by_topic: HashMap<Arc<Name>, Box<Subscribed>, ahash::RandomState>,
    /// Topics that are behind, each once, in the order of their turns.
    behind: VecDeque<Arc<Name>>,
    replayed: Bucket,
}

struct Subscribed {
    subscription: Subscription<Connection>,
    /// As the session has it.
    position: session::Position,
}

/// What the answer to a new subscription says.
pub(super) struct Answer {
    pub(super) head: u64,
    pub(super) epoch: Arc<Epoch<'static>>,
    pub(super) recovered: Option<bool>,
}

/// Where a new subscription is to begin.
pub(super) enum From<'a> {
    /// Now.
    Now,
    /// Where the client says that it stands.
    Client(Position<'a>),
    /// Where the session says so.
    Session(session::Position),
}

/// What became of a turn of replaying.
#[derive(Debug)]
pub(in crate::socket) enum Replay {
    /// Nobody is behind.
    Done,
    /// There is more to send now.
    More,
    /// The socket is full.
    Full,
    /// The client has got as much as the rate allows: after this.
    Wait(Pin<Box<Sleep>>),
}

impl Subscriptions {
    pub(super) fn new(gateway: Arc<Gateway>, connection: Arc<Connection>) -> Self {
        Self { gateway, connection, by_topic: HashMap::default(), behind: VecDeque::new(), replayed: Bucket::default() }
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

    /// Subscribes to a topic that is not subscribed to. The connection has to be held, so that nothing of the topic comes before
    /// the answer.
    pub(super) fn join(
        &mut self,
        name: &protocol::Topic<'_>,
        from: From<'_>,
        session: &Session,
        last_topic: &mut Option<Arc<Topic<Connection>>>,
    ) -> Result<Answer, NoTopic> {
        let position = match &from {
            From::Client(position) => Some(*position),
            From::Session(stored) if !stored.lost => {
                Some(Position { last_seq: SeqNo::new(stored.seq_no).unwrap_or_default(), epoch: Some(stored.epoch.as_str()) })
            }
            From::Session(_) | From::Now => None,
        };
        let join = |topic: &Arc<Topic<Connection>>| -> Result<_, Retired> { topic.join(self.connection.clone(), position) };
        let Joined { subscription, head, epoch, recovered } = self.gateway.with_topic(name, last_topic, join)?;
        let recovered = if matches!(from, From::Session(_)) { Some(recovered == Some(true)) } else { recovered };
        let topic = subscription.topic().clone();
        let lost = recovered == Some(false);
        let seq_no = position.filter(|_| !lost).map_or(head, |position| position.last_seq.get());
        let position = session::Position { epoch: epoch.clone(), seq_no, lost };
        session.put(topic.name(), position.clone());
        if subscription.is_behind() {
            self.behind.push_back(topic.name().clone());
        }
        self.by_topic.insert(topic.name().clone(), Box::new(Subscribed { subscription, position }));
        debug_assert!(self.behind.len() <= self.by_topic.len(), "a client could make it grow");
        self.gateway.subscriptions.fetch_add(1, Relaxed);
        Ok(Answer { head, epoch, recovered })
    }

    /// False: there was none.
    pub(super) fn leave(&mut self, topic: &protocol::Topic<'_>, session: &Session) -> bool {
        let Some((name, subscribed)) = self.by_topic.remove_entry(&ByName(topic)) else { return false };
        if subscribed.subscription.is_behind() {
            self.behind.retain(|behind| *behind != name);
        }
        session.remove(&name);
        self.gateway.subscriptions.fetch_sub(1, Relaxed);
        true
    }

    /// Moves the position from which a resumed session is replayed. Cumulative; what cannot be right is ignored.
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

    /// Whether somebody is behind.
    pub(super) fn are_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Sends the next batch of the topic whose turn it is.
    pub(super) fn replay(&mut self, session: &Session) -> Replay {
        while let Some(name) = self.behind.pop_front() {
            let Some(subscribed) = self.by_topic.get_mut(&name) else { continue };
            let per_second = self.gateway.config().limits.replay_rate;
            let rate = Rate { per_second, burst: per_second };
            let messages = self.replayed.available(rate, self.gateway.clock.now());
            if messages == 0 {
                self.behind.push_front(name);
                return Replay::Wait(Box::pin(sleep(self.replayed.wait(rate, 1).max(SHORTEST_WAIT))));
            }
            let mut held = self.connection.hold();
            if held.is_full() {
                self.behind.push_front(name);
                return Replay::Full;
            }
            let mut batch = Vec::new();
            match subscribed.subscription.catch_up(Budget { bytes: BATCH_BYTES, messages }, &mut batch) {
                CatchUp::Behind { messages } => {
                    self.gateway.meter.replayed.add(messages as u64);
                    self.replayed.take(messages);
                    self.behind.push_back(name);
                }
                CatchUp::Live { messages } => {
                    self.gateway.meter.replayed.add(messages as u64);
                    self.replayed.take(messages);
                }
                CatchUp::Lost { head, epoch } => {
                    put(&mut batch, &answer(&name, head, &epoch, Some(false)));
                    subscribed.position = session::Position { epoch, seq_no: head, lost: true };
                    session.put(&name, subscribed.position.clone());
                }
            }
            held.send_replay(batch);
            return if self.are_behind() { Replay::More } else { Replay::Done };
        }
        Replay::Done
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.gateway.subscriptions.fetch_sub(self.by_topic.len(), Relaxed);
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
