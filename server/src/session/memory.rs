//! Sessions in this process. Those with a connection are as many as there are connections; those without are bounded, the oldest
//! goes first, and each only lives for its time.
//!
//! A write of a running connection (`put`, `remove`) takes the lock of one shard of the map. Opening and detaching also take that
//! of the list of detached sessions, always before the shard's.

use super::{Id, Key, Opened, Owner, Position, Positions, Session, Store, Unavailable};
use crate::{
    clock::{Clock, Micros},
    hub::topic::Name,
};
use dashmap::DashMap;
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use indexmap::IndexMap;
use parking_lot::Mutex;
use protocol::UserId;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// How much is kept of sessions without a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long one lives without a connection.
    pub ttl: Duration,
    /// Their number.
    pub detached: usize,
    /// The number of their subscriptions, all together.
    pub subscriptions: usize,
}

/// Sessions of one process.
#[derive(Debug)]
pub struct Memory {
    limits: Limits,
    clock: Clock,
    sessions: DashMap<Id, Entry, ahash::RandomState>,
    detached: Mutex<Detached>,
}

struct Entry {
    user: UserId<'static>,
    generation: u64,
    positions: IndexMap<Arc<Name>, Position, ahash::RandomState>,
    state: State,
}

enum State {
    /// A connection has it.
    Attached(Arc<dyn Owner>),
    /// Nobody has it; its place in [`Detached`].
    Detached(Place),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("generation", &self.generation).field("positions", &self.positions.len()).finish_non_exhaustive()
    }
}

/// When it was detached, and a number that makes it unique.
type Place = (Micros, u64);

#[derive(Debug, Default)]
struct Detached {
    /// Oldest first.
    order: BTreeMap<Place, Id>,
    subscriptions: usize,
    count: u64,
}

impl Memory {
    /// None yet.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self { limits, clock, sessions: DashMap::default(), detached: Mutex::default() }
    }

    /// Sessions, with a connection or without.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Sessions without a connection.
    #[must_use]
    pub fn detached(&self) -> usize {
        self.detached.lock().order.len()
    }

    /// Forgets the sessions whose time is over.
    pub fn expire(&self) {
        let now = self.clock.now();
        let mut detached = self.detached.lock();
        while let Some(((since, _), _)) = detached.order.first_key_value()
            && since.after(self.limits.ttl) <= now
        {
            self.forget_oldest(&mut detached);
        }
    }

    fn forget_oldest(&self, detached: &mut Detached) {
        if let Some((_, id)) = detached.order.pop_first()
            && let Some((_, entry)) = self.sessions.remove(&id)
        {
            detached.subscriptions -= entry.positions.len();
        }
    }

    fn begin(&self, user: UserId<'static>, owner: Arc<dyn Owner>) -> Key {
        let id = Id::random();
        let entry = Entry { user, generation: 0, positions: IndexMap::default(), state: State::Attached(owner) };
        self.sessions.insert(id, entry);
        Key { id, generation: 0 }
    }

    /// `None`: there is no such session of this user.
    fn go_on(&self, user: &UserId<'_>, id: Id, owner: Arc<dyn Owner>) -> Option<(Key, Positions)> {
        self.expire();
        let mut detached = self.detached.lock();
        let mut entry = self.sessions.get_mut(&id).filter(|entry| entry.user.as_str() == user.as_str())?;
        let before = std::mem::replace(&mut entry.state, State::Attached(owner));
        entry.generation += 1;
        let positions: Positions = entry.positions.iter().map(|(topic, position)| (topic.clone(), position.clone())).collect();
        let key = Key { id, generation: entry.generation };
        drop(entry);
        match before {
            State::Detached(place) => {
                detached.order.remove(&place);
                detached.subscriptions -= positions.len();
            }
            State::Attached(owner) => {
                drop(detached);
                owner.overtaken();
            }
        }
        Some((key, positions))
    }

    /// Does `act` where `key` has not been overtaken.
    fn with(&self, key: Key, act: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.sessions.get_mut(&key.id)
            && entry.generation == key.generation
        {
            act(&mut entry);
        }
    }
}

impl Store for Memory {
    fn open(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        owner: Arc<dyn Owner>,
    ) -> BoxFuture<'static, Result<Opened, Unavailable>> {
        let resumed = wanted.and_then(|id| self.go_on(&user, id, owner.clone()));
        let (key, resumed) = match resumed {
            Some((key, positions)) => (key, Some(positions)),
            None => (self.begin(user, owner), None),
        };
        ready(Ok(Opened { session: Session { store: self, key, ended: false }, resumed })).boxed()
    }

    fn put(&self, key: Key, topic: &Arc<Name>, position: Position) {
        self.with(key, |entry| match entry.positions.get_mut(topic) {
            Some(known) => *known = position,
            None => drop(entry.positions.insert(topic.clone(), position)),
        });
    }

    fn remove(&self, key: Key, topic: &Name) {
        self.with(key, |entry| {
            entry.positions.swap_remove(topic);
        });
    }

    fn detach(&self, key: Key) {
        let mut detached = self.detached.lock();
        let mut subscriptions = None;
        let place = (self.clock.now(), detached.count);
        self.with(key, |entry| {
            entry.state = State::Detached(place);
            entry.positions.shrink_to_fit();
            subscriptions = Some(entry.positions.len());
        });
        let Some(subscriptions) = subscriptions else { return };
        detached.count += 1;
        detached.order.insert(place, key.id);
        detached.subscriptions += subscriptions;
        let Limits { detached: most, subscriptions: most_subscriptions, .. } = self.limits;
        while detached.order.len() > most || detached.subscriptions > most_subscriptions {
            self.forget_oldest(&mut detached);
        }
    }

    fn end(&self, key: Key) {
        let _detached = self.detached.lock();
        self.sessions.remove_if(&key.id, |_, entry| entry.generation == key.generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Epoch;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Owner for Told {
        fn overtaken(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    const TTL: Duration = Duration::from_secs(120);

    fn memory(detached: usize, subscriptions: usize) -> Arc<Memory> {
        Arc::new(Memory::new(Limits { ttl: TTL, detached, subscriptions }, Clock::start()))
    }

    async fn open(memory: &Arc<Memory>, user: &'static str, wanted: Option<Id>) -> (Session, Option<Positions>) {
        let user = UserId::new(user).unwrap();
        let Opened { session, resumed } = memory.clone().open(user, wanted, Arc::<Told>::default()).await.unwrap();
        (session, resumed)
    }

    fn topic(name: &'static str) -> Arc<Name> {
        Arc::new(Name::new(name).unwrap())
    }

    fn at(seq_no: u64) -> Position {
        Position { epoch: Arc::new(Epoch::new("e").unwrap()), seq_no, lost: false }
    }

    #[test]
    fn a_name_has_128_bits_reads_back_and_is_not_shown() {
        let id = Id::random();
        assert_eq!(Id::parse(&id.to_text()), Some(id));
        assert_eq!(id.to_text().len(), 22);
        assert!(!format!("{id:?}").contains(&id.to_text()));
        for bad in ["", "a", "ä", &"a".repeat(1000), &id.to_text()[1..]] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_had_is_there_again_until_its_time_is_over() {
        let memory = memory(10, 10);
        let (session, resumed) = open(&memory, "u", None).await;
        let id = session.id();
        assert_eq!(resumed, None);
        session.put(&topic("a"), at(1));
        session.put(&topic("b"), at(2));
        session.put(&topic("a"), at(3));
        session.remove(&topic("b"));
        drop(session);
        tokio::time::advance(TTL - Duration::from_secs(1)).await;
        let (session, resumed) = open(&memory, "u", Some(id)).await;
        assert_eq!((session.id(), resumed), (id, Some(vec![(topic("a"), at(3))])));
        drop(session);
        tokio::time::advance(TTL).await;
        assert_ne!(open(&memory, "u", Some(id)).await.0.id(), id);
        memory.expire();
        tokio::time::advance(TTL).await;
        memory.expire();
        assert!(memory.is_empty() && memory.detached() == 0);
    }

    #[tokio::test]
    async fn somebody_elses_session_looks_like_none() {
        let memory = memory(10, 10);
        let (session, _) = open(&memory, "u", None).await;
        let (other, resumed) = open(&memory, "v", Some(session.id())).await;
        assert!(resumed.is_none() && other.id() != session.id());
        session.put(&topic("a"), at(1));
        let id = session.id();
        drop(session);
        assert_eq!(open(&memory, "u", Some(id)).await.1.unwrap().len(), 1, "nothing has happened to it");
    }

    #[tokio::test]
    async fn who_was_overtaken_is_told_and_writes_nothing_any_more() {
        let memory = memory(10, 10);
        let told = Arc::new(Told::default());
        let user = UserId::new("u").unwrap();
        let old = memory.clone().open(user, None, told.clone()).await.unwrap().session;
        old.put(&topic("a"), at(1));
        let id = old.id();
        let (new, resumed) = open(&memory, "u", Some(id)).await;
        assert_eq!((told.0.load(Relaxed), resumed.unwrap().len()), (1, 1));
        old.put(&topic("a"), at(9));
        old.put(&topic("b"), at(9));
        old.remove(&topic("a"));
        drop(old);
        assert_eq!((memory.len(), memory.detached()), (1, 0));
        drop(new);
        let (again, resumed) = open(&memory, "u", Some(id)).await;
        assert_eq!(resumed.unwrap(), [(topic("a"), at(1))]);
        let (newest, _) = open(&memory, "u", Some(id)).await;
        again.end();
        assert_eq!(memory.len(), 1, "an overtaken one cannot end it");
        newest.end();
        assert!(memory.is_empty());
    }

    #[tokio::test]
    async fn at_the_limits_the_oldest_goes_first() {
        let memory = memory(3, 5);
        let mut ids = Vec::new();
        for _ in 0..4 {
            let (session, _) = open(&memory, "u", None).await;
            ids.push(session.id());
            session.put(&topic("a"), at(1));
        }
        assert_eq!((memory.len(), memory.detached()), (3, 3), "one too many");
        assert!(open(&memory, "u", Some(ids[0])).await.1.is_none());
        let (session, _) = open(&memory, "u", None).await;
        for name in ["a", "b", "c", "d"] {
            session.put(&topic(name), at(1));
        }
        drop(session);
        assert!(open(&memory, "u", Some(ids[2])).await.1.is_none(), "5 subscriptions have room for one session beside these four");
        let sum: usize =
            memory.sessions.iter().filter(|entry| matches!(entry.state, State::Detached(_))).map(|entry| entry.positions.len()).sum();
        assert_eq!(memory.detached.lock().subscriptions, sum);
        assert!(sum <= 5);
    }
}
