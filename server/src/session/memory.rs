//! Sessions in this process. There are as many with a connection as there are connections; those
//! without one are limited (`detached`).
//!
//! A write of a running connection (`put`, `remove`) takes the lock of one shard of the map.
//! Opening and detaching also take that of the list of detached sessions, always before the
//! shard's.

use super::{
    Counts, Fence, Id, Limits, Opened, Position, Positions, Session, Store, TakeoverListener,
    Unavailable,
    detached::{Detached, SLICE},
};
use dashmap::DashMap;
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use hub::{clock::Clock, slot::Slot};
use indexmap::IndexMap;
use parking_lot::Mutex;
use protocol::{Topic, UserId};
use std::{fmt, sync::Arc};

/// Sessions of one process.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    sessions: DashMap<Id, Entry, ahash::RandomState>,
    detached: Mutex<Detached>,
}

struct Entry {
    user: UserId<'static>,
    generation: u64,
    positions: IndexMap<Arc<Topic<'static>>, Position, ahash::RandomState>,
    state: State,
}

enum State {
    /// A connection has it.
    Attached(Arc<dyn TakeoverListener>),
    /// No connection has it; its place among the detached ones.
    Detached(Slot),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("generation", &self.generation)
            .field("positions", &self.positions.len())
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// A store without sessions.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self { clock, sessions: DashMap::default(), detached: Mutex::new(Detached::new(limits)) }
    }

    fn begin(&self, user: UserId<'static>, listener: Arc<dyn TakeoverListener>) -> Fence {
        let id = Id::random();
        let entry = Entry {
            user,
            generation: 0,
            positions: IndexMap::default(),
            state: State::Attached(listener),
        };
        self.sessions.insert(id, entry);
        Fence { id, generation: 0, nonce: 0 }
    }

    /// `None`: this user has no such session.
    fn resume(
        &self,
        user: &UserId<'_>,
        id: Id,
        listener: Arc<dyn TakeoverListener>,
    ) -> Option<(Fence, Positions)> {
        let mut detached = self.detached.lock();
        let mut entry =
            self.sessions.get_mut(&id).filter(|entry| entry.user.as_str() == user.as_str())?;
        if let State::Detached(slot) = entry.state {
            let is_over = detached.is_over(slot, self.clock.now());
            detached.remove(slot);
            if is_over {
                drop(entry);
                self.sessions.remove(&id);
                return None;
            }
        }
        let before = std::mem::replace(&mut entry.state, State::Attached(listener));
        entry.generation += 1;
        let positions: Positions = entry
            .positions
            .iter()
            .map(|(topic, position)| (topic.clone(), position.clone()))
            .collect();
        let fence = Fence { id, generation: entry.generation, nonce: 0 };
        drop((entry, detached));
        if let State::Attached(listener) = before {
            listener.taken_over();
        }
        Some((fence, positions))
    }

    /// Does `act` if `fence` has not been overtaken.
    fn with(&self, fence: Fence, act: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.sessions.get_mut(&fence.id)
            && entry.generation == fence.generation
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
        listener: Arc<dyn TakeoverListener>,
    ) -> BoxFuture<'static, Result<Opened, Unavailable>> {
        let resumed = wanted.and_then(|id| self.resume(&user, id, listener.clone()));
        let (fence, resumed) = match resumed {
            Some((fence, positions)) => (fence, Some(positions)),
            None => (self.begin(user, listener), None),
        };
        ready(Ok(Opened { session: Session::new(self, fence), resumed })).boxed()
    }

    fn put(&self, fence: Fence, topic: &Arc<Topic<'static>>, position: Position) {
        self.with(fence, |entry| match entry.positions.get_mut(topic) {
            Some(known) => *known = position,
            None => drop(entry.positions.insert(topic.clone(), position)),
        });
    }

    fn remove(&self, fence: Fence, topic: &Topic<'static>) {
        self.with(fence, |entry| {
            entry.positions.swap_remove(topic);
        });
    }

    fn detach(&self, fence: Fence) {
        let mut detached = self.detached.lock();
        let now = self.clock.now();
        let mut user = None;
        self.with(fence, |entry| {
            entry.positions.shrink_to_fit();
            let subscriptions = entry.positions.len();
            entry.state =
                State::Detached(detached.insert(&entry.user, now, subscriptions, fence.id));
            user = Some(entry.user.clone());
        });
        if let Some(user) = user {
            while let Some(id) = detached.pop_excess(&user) {
                self.sessions.remove(&id);
            }
        }
    }

    fn end(&self, fence: Fence) {
        let _detached = self.detached.lock();
        self.sessions.remove_if(&fence.id, |_, entry| entry.generation == fence.generation);
    }

    fn counts(&self) -> Counts {
        let detached = self.detached.lock();
        Counts {
            sessions: self.sessions.len(),
            detached: detached.sum().count,
            dropped: detached.dropped(),
        }
    }

    fn expire_some(&self) -> bool {
        let now = self.clock.now();
        let mut detached = self.detached.lock();
        let begin = detached.sum();
        while let Some(id) = detached.pop_expired(now) {
            self.sessions.remove(&id);
            let left = detached.sum();
            if begin.count - left.count + begin.weight - left.weight >= SLICE {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::contract_tests::{Subject, tests_of_store};
    use hub::by_age::Sum;
    use proptest::prelude::*;
    use protocol::Epoch;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl TakeoverListener for Told {
        fn taken_over(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    const TTL: Duration = Duration::from_secs(120);

    struct OneProcess;

    impl Subject for OneProcess {
        async fn stores(&self, limits: Limits) -> [Arc<dyn Store>; 2] {
            let store = memory(limits);
            [store.clone(), store]
        }

        fn ttl(&self) -> Duration {
            TTL
        }

        fn notice(&self) -> Duration {
            Duration::ZERO
        }

        fn positions(&self) -> Duration {
            Duration::ZERO
        }

        fn lease(&self) -> Duration {
            Duration::ZERO
        }
    }

    tests_of_store!(tokio::test(start_paused = true), OneProcess);

    const NO_SHARES: Limits = Limits {
        ttl: TTL,
        detached: 10,
        subscriptions: 10,
        detached_per_user: usize::MAX,
        subscriptions_per_user: usize::MAX,
    };

    fn memory(limits: Limits) -> Arc<Memory> {
        Arc::new(Memory::new(limits, Clock::start()))
    }

    fn expire(memory: &Memory) {
        while memory.expire_some() {}
    }

    async fn open(
        memory: &Arc<Memory>,
        user: &'static str,
        wanted: Option<Id>,
    ) -> (Session, Option<Positions>) {
        let user = UserId::new(user).unwrap();
        let Opened { session, resumed } =
            memory.clone().open(user, wanted, Arc::<Told>::default()).await.unwrap();
        (session, resumed)
    }

    fn topic(name: &'static str) -> Arc<Topic<'static>> {
        Arc::new(Topic::new(name).unwrap())
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
        let memory = memory(NO_SHARES);
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
        expire(&memory);
        tokio::time::advance(TTL).await;
        expire(&memory);
        assert!(memory.counts().sessions == 0 && memory.counts().detached == 0);
    }

    #[tokio::test]
    async fn somebody_elses_session_looks_like_none() {
        let memory = memory(NO_SHARES);
        let (session, _) = open(&memory, "u", None).await;
        let (other, resumed) = open(&memory, "v", Some(session.id())).await;
        assert!(resumed.is_none() && other.id() != session.id());
        session.put(&topic("a"), at(1));
        let id = session.id();
        drop(session);
        assert_eq!(
            open(&memory, "u", Some(id)).await.1.unwrap().len(),
            1,
            "nothing has happened to it"
        );
    }

    #[tokio::test]
    async fn who_was_overtaken_is_told_and_writes_nothing_any_more() {
        let memory = memory(NO_SHARES);
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
        assert_eq!((memory.counts().sessions, memory.counts().detached), (1, 0));
        drop(new);
        let (again, resumed) = open(&memory, "u", Some(id)).await;
        assert_eq!(resumed.unwrap(), [(topic("a"), at(1))]);
        let (newest, _) = open(&memory, "u", Some(id)).await;
        again.end();
        assert_eq!(memory.counts().sessions, 1, "an overtaken one cannot end it");
        newest.end();
        assert!(memory.counts().sessions == 0);
    }

    #[tokio::test]
    async fn at_the_limits_the_oldest_goes_first() {
        let memory = memory(Limits { detached: 3, subscriptions: 5, ..NO_SHARES });
        let mut ids = Vec::new();
        for _ in 0..4 {
            let (session, _) = open(&memory, "u", None).await;
            ids.push(session.id());
            session.put(&topic("a"), at(1));
        }
        assert_eq!((memory.counts().sessions, memory.counts().detached), (3, 3), "one too many");
        assert!(open(&memory, "u", Some(ids[0])).await.1.is_none());
        let (session, _) = open(&memory, "u", None).await;
        for name in ["a", "b", "c", "d"] {
            session.put(&topic(name), at(1));
        }
        drop(session);
        assert!(
            open(&memory, "u", Some(ids[2])).await.1.is_none(),
            "5 subscriptions have room for one session beside these four"
        );
        let sum: usize = memory
            .sessions
            .iter()
            .filter(|entry| matches!(entry.state, State::Detached(_)))
            .map(|entry| entry.positions.len())
            .sum();
        assert_eq!(memory.detached.lock().sum().weight, sum);
        assert!(sum <= 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_expires_all_at_once_goes_in_pieces() {
        let memory = memory(Limits { detached: 10_000, subscriptions: 10_000, ..NO_SHARES });
        for _ in 0..3000 {
            open(&memory, "u", None).await.0.put(&topic("a"), at(1));
        }
        tokio::time::advance(TTL).await;
        let mut left = memory.counts().sessions;
        assert_eq!(left, 3000);
        while memory.expire_some() {
            assert!((1..=SLICE).contains(&(left - memory.counts().sessions)), "a piece");
            left = memory.counts().sessions;
        }
        assert!(memory.counts().sessions == 0);
    }

    /// A session as a plain list knows it.
    #[derive(Debug, Clone)]
    struct Known {
        user: usize,
        id: Id,
        topics: Vec<usize>,
        /// When it was detached.
        detached: Option<u64>,
    }

    const USERS: [&str; 3] = ["u", "v", "w"];
    const TOPICS: [&str; 4] = ["a", "b", "c", "d"];

    #[derive(Debug, Clone)]
    enum Action {
        Open(usize),
        Put(prop::sample::Index, usize),
        Remove(prop::sample::Index, usize),
        Detach(prop::sample::Index),
        /// Any session that there ever was.
        Resume(prop::sample::Index),
        Wait(u64),
    }

    fn action() -> impl Strategy<Value = Action> {
        let any = any::<prop::sample::Index>;
        prop_oneof![
            4 => (0..USERS.len()).prop_map(Action::Open),
            4 => (any(), 0..TOPICS.len()).prop_map(|(index, topic)| Action::Put(index, topic)),
            1 => (any(), 0..TOPICS.len()).prop_map(|(index, topic)| Action::Remove(index, topic)),
            4 => any().prop_map(Action::Detach),
            3 => any().prop_map(Action::Resume),
            1 => (1..100u64).prop_map(Action::Wait),
        ]
    }

    /// Forgets the oldest detached ones of these while they are too many or have too many
    /// subscriptions.
    fn keep(
        known: &mut Vec<Known>,
        which: impl Fn(&Known) -> bool,
        count: usize,
        subscriptions: usize,
    ) {
        loop {
            let detached: Vec<_> = (0..known.len())
                .filter(|&at| known[at].detached.is_some() && which(&known[at]))
                .collect();
            let sum: usize = detached.iter().map(|&at| known[at].topics.len()).sum();
            match detached.iter().min_by_key(|&&at| known[at].detached) {
                Some(&oldest) if detached.len() > count || sum > subscriptions => {
                    drop(known.remove(oldest))
                }
                _ => return,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_same_as_a_plain_list(
            actions in prop::collection::vec(action(), 1..120),
            (detached, subscriptions, detached_per_user, subscriptions_per_user) in (0..6usize, 0..12usize, 0..4usize, 0..7usize),
        ) {
            const MILLIS: u64 = 150;
            let ttl = Duration::from_millis(MILLIS);
            let limits = Limits { ttl, detached, subscriptions, detached_per_user, subscriptions_per_user };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (memory, mut now) = (memory(limits), 0);
                let (mut known, mut open_ones, mut ever) = (Vec::<Known>::new(), Vec::new(), Vec::new());
                for action in actions {
                    tokio::time::advance(Duration::from_millis(1)).await;
                    now += 1;
                    match action {
                        Action::Open(user) => {
                            let (session, _) = open(&memory, USERS[user], None).await;
                            known.push(Known { user, id: session.id(), topics: Vec::new(), detached: None });
                            ever.push((user, session.id()));
                            open_ones.push(session);
                        }
                        Action::Put(index, of) if !open_ones.is_empty() => {
                            let session: &Session = index.get(&open_ones);
                            session.put(&topic(TOPICS[of]), at(1));
                            let topics = &mut known.iter_mut().find(|known| known.id == session.id()).unwrap().topics;
                            topics.retain(|topic| *topic != of);
                            topics.push(of);
                        }
                        Action::Remove(index, of) if !open_ones.is_empty() => {
                            let session = index.get(&open_ones);
                            session.remove(&topic(TOPICS[of]));
                            known.iter_mut().find(|known| known.id == session.id()).unwrap().topics.retain(|topic| *topic != of);
                        }
                        Action::Detach(index) if !open_ones.is_empty() => {
                            let session = open_ones.remove(index.index(open_ones.len()));
                            let gone = known.iter_mut().find(|known| known.id == session.id()).unwrap();
                            gone.detached = Some(now);
                            let user = gone.user;
                            drop(session);
                            keep(&mut known, |known| known.user == user, detached_per_user, subscriptions_per_user);
                            keep(&mut known, |_| true, detached, subscriptions);
                        }
                        Action::Resume(index) if !ever.is_empty() => {
                            let (user, id) = *index.get(&ever);
                            if open_ones.iter().any(|session| session.id() == id) {
                                continue;
                            }
                            known.retain(|known| known.detached.is_none_or(|since| since + MILLIS > now));
                            let (session, resumed) = open(&memory, USERS[user], Some(id)).await;
                            let expected = known.iter_mut().find(|known| known.id == id);
                            prop_assert_eq!(resumed.map(|found| found.len()), expected.as_ref().map(|known| known.topics.len()));
                            match expected {
                                Some(known) => known.detached = None,
                                None => {
                                    known.push(Known { user, id: session.id(), topics: Vec::new(), detached: None });
                                    ever.push((user, session.id()));
                                }
                            }
                            open_ones.push(session);
                        }
                        Action::Wait(millis) => {
                            tokio::time::advance(Duration::from_millis(millis)).await;
                            now += millis;
                        }
                        _ => {}
                    }
                    known.retain(|known| known.detached.is_none_or(|since| since + MILLIS > now));
                    expire(&memory);
                    let detached = || known.iter().filter(|known| known.detached.is_some());
                    let expected = Sum { count: detached().count(), weight: detached().map(|known| known.topics.len()).sum() };
                    prop_assert_eq!(memory.detached.lock().sum(), expected);
                    prop_assert_eq!(memory.counts().sessions, known.len());
                }
                Ok(())
            })?;
        }
    }
}
