//! What each [`Store`] has to do, as tests that know nothing of how it is done. They see two
//! gateways with a store each; for sessions of one process both have the same one.
//!
//! `tests_of_store!` makes the tests for a [`Subject`]. Time passes by tokio's clock: with a double
//! it is paused and jumps, with a real server it really passes, and the subject's times are short.

use super::{
    Id, Limits, Opened, Position, Positions, Session, Store, TakeoverListener, Unavailable,
};
use futures_util::{FutureExt, future::join};
use protocol::{Epoch, Topic, UserId};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    task::{JoinHandle, yield_now},
    time::{Instant, sleep},
};

/// A kind of store, and how long it takes for what.
pub(crate) trait Subject {
    /// The stores of two gateways, over the same sessions. There are none yet.
    async fn stores(&self, limits: Limits) -> [Arc<dyn Store>; 2];

    /// How long a session lives without a connection in these tests: at least a second.
    fn ttl(&self) -> Duration;

    /// How long it may take until one gateway learns of what another one has done.
    fn notice(&self) -> Duration;

    /// How long a position may wait until it is written.
    fn positions(&self) -> Duration;

    /// How long a gateway counts as alive after it was killed.
    fn lease(&self) -> Duration;
}

/// Makes a test of each function of the contract: `tests_of_store!(tokio::test, subject)`. The
/// second form has those that need gateways of several processes.
macro_rules! tests_of_store {
    ($test:meta, $subject:expr) => {
        $crate::session::contract_tests::tests_of_store!(
            @ $test, $subject,
            a_session_continues_with_what_it_had,
            a_session_continues_on_its_own_gateway_with_the_newest_position,
            an_unknown_session_begins_anew,
            another_users_session_looks_like_none,
            a_session_ends_after_its_time,
            a_session_that_has_ended_is_gone,
            the_overtaken_is_told_and_its_writes_change_nothing,
            a_session_goes_to_and_fro,
            of_two_that_open_at_once_one_has_it,
            the_oldest_detached_sessions_go_first,
            an_opening_that_is_given_up_loses_nothing,
            sessions_are_counted
        );
    };
    ($test:meta, $subject:expr, shared) => {
        $crate::session::contract_tests::tests_of_store!($test, $subject);
        $crate::session::contract_tests::tests_of_store!(
            @ $test, $subject,
            subscriptions_are_written_at_once_and_positions_soon,
            a_killed_gateways_sessions_are_resumed_at_once,
            a_killed_gateways_sessions_end_after_its_lease,
            a_session_with_a_connection_lives_for_as_long_as_its_gateway
        );
    };
    (@ $test:meta, $subject:expr, $($name:ident),*) => {
        $(#[$test] async fn $name() { $crate::session::contract_tests::$name(&$subject).await; })*
    };
}
pub(crate) use tests_of_store;

/// A gateway as far as its sessions go.
pub(crate) struct Gateway {
    store: Arc<dyn Store>,
    background: Option<JoinHandle<()>>,
}

impl Gateway {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let background = store.clone().background().map(tokio::spawn);
        Self { store, background }
    }

    pub(crate) async fn open(
        &self,
        user: &'static str,
        wanted: Option<Id>,
    ) -> Result<Client, Unavailable> {
        let (user, told) = (UserId::new(user).unwrap(), Arc::<Told>::default());
        let Opened { session, resumed } =
            self.store.clone().open(user, wanted, told.clone()).await?;
        let resumed = resumed.map(|mut positions: Positions| {
            positions.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            positions.iter().map(|(topic, at)| (topic.to_string(), at.seq_no)).collect()
        });
        Ok(Client { session, resumed, told })
    }

    /// As [`Gateway::open`], with a store that can be reached.
    pub(crate) async fn client(&self, user: &'static str, wanted: Option<Id>) -> Client {
        self.open(user, wanted).await.unwrap()
    }

    /// Everything is written.
    pub(crate) async fn flush(&self) {
        if let Some(flush) = self.store.clone().flush() {
            flush.await;
        }
    }

    pub(crate) fn expire(&self) {
        while self.store.expire_some() {}
    }

    /// It does nothing any more, and says nothing.
    pub(crate) fn kill(&self) {
        if let Some(background) = &self.background {
            background.abort();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Default)]
pub(crate) struct Told(AtomicUsize);

impl TakeoverListener for Told {
    fn taken_over(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A connection with a session.
pub(crate) struct Client {
    pub(crate) session: Session,
    /// What it had, by name.
    pub(crate) resumed: Option<Vec<(String, u64)>>,
    told: Arc<Told>,
}

impl Client {
    pub(crate) fn put(&self, name: &'static str, seq_no: u64) {
        self.session.put(&topic(name), at(seq_no));
    }

    pub(crate) fn remove(&self, name: &'static str) {
        self.session.remove(&topic(name));
    }

    /// Whether it was overtaken.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.told.0.load(Relaxed) > 0
    }

    /// It learns within `limit` that it was overtaken.
    pub(crate) async fn learns(&self, limit: Duration) {
        let begin = Instant::now();
        while !self.is_overtaken() {
            assert!(begin.elapsed() <= limit, "the overtaken was not told within {limit:?}");
            pass(limit / 50).await;
        }
        assert_eq!(self.told.0.load(Relaxed), 1, "told once");
    }

    /// Its connection ends.
    pub(crate) fn leave(self) -> Id {
        self.session.id()
    }

    /// The process that it was connected to is no more.
    pub(crate) fn vanish(self) -> Id {
        let id = self.session.id();
        std::mem::forget(self.session);
        id
    }
}

pub(crate) fn topic(name: &'static str) -> Arc<Topic<'static>> {
    Arc::new(Topic::new(name).unwrap())
}

pub(crate) fn at(seq_no: u64) -> Position {
    Position { epoch: Arc::new(Epoch::new("e").unwrap()), seq_no, lost: false }
}

pub(crate) fn had(positions: &[(&str, u64)]) -> Option<Vec<(String, u64)>> {
    Some(positions.iter().map(|(topic, seq_no)| ((*topic).to_owned(), *seq_no)).collect())
}

/// Time is what the contract is about: with a double it is virtual.
pub(crate) async fn pass(duration: Duration) {
    sleep(duration).await;
}

pub(crate) fn limits(subject: &impl Subject) -> Limits {
    Limits {
        ttl: subject.ttl(),
        detached: 100,
        subscriptions: 100,
        detached_per_user: 100,
        subscriptions_per_user: 100,
    }
}

async fn fleet(subject: &impl Subject) -> [Gateway; 2] {
    subject.stores(limits(subject)).await.map(Gateway::new)
}

pub(crate) async fn a_session_continues_with_what_it_had(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    assert_eq!(client.resumed, None);
    client.put("a", 1);
    client.put("b", 2);
    client.put("a", 3);
    client.remove("b");
    let lost = Position { epoch: Arc::new(Epoch::new("other").unwrap()), seq_no: 7, lost: true };
    client.session.put(&topic("c"), lost.clone());
    let id = client.leave();
    a.flush().await;
    let user = UserId::new("u").unwrap();
    let opened = b.store.clone().open(user, Some(id), Arc::<Told>::default()).await.unwrap();
    let mut resumed = opened.resumed.unwrap();
    resumed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(resumed, [(topic("a"), at(3)), (topic("c"), lost)]);
    assert_eq!(opened.session.id(), id);
}

pub(crate) async fn a_session_continues_on_its_own_gateway_with_the_newest_position(
    subject: &impl Subject,
) {
    let [a, _b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    pass(subject.positions() / 10).await;
    client.put("a", 2);
    let client = a.client("u", Some(client.leave())).await;
    assert_eq!(client.resumed, had(&[("a", 2)]));
    client.put("a", 3);
    let again = a.client("u", Some(client.session.id())).await;
    assert_eq!(again.resumed, had(&[("a", 3)]), "also if its old connection is still there");
    client.learns(Duration::ZERO).await;
}

pub(crate) async fn an_unknown_session_begins_anew(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let id = Id::random();
    let client = a.client("u", Some(id)).await;
    assert!(client.resumed.is_none() && client.session.id() != id);
    let other = b.client("u", Some(id)).await;
    assert!(other.resumed.is_none() && other.session.id() != id);
    assert_ne!(client.session.id(), other.session.id());
}

pub(crate) async fn another_users_session_looks_like_none(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    a.flush().await;
    for gateway in [&a, &b] {
        let other = gateway.client("v", Some(client.session.id())).await;
        assert!(other.resumed.is_none() && other.session.id() != client.session.id());
    }
    pass(subject.notice()).await;
    assert!(!client.is_overtaken());
    let id = client.leave();
    a.flush().await;
    let other = b.client("v", Some(id)).await;
    assert!(other.resumed.is_none());
    assert_eq!(b.client("u", Some(id)).await.resumed, had(&[("a", 1)]), "nothing happened to it");
}

pub(crate) async fn a_session_ends_after_its_time(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    let id = client.leave();
    a.flush().await;
    pass(subject.ttl() * 3 / 4).await;
    let client = b.client("u", Some(id)).await;
    assert_eq!(client.resumed, had(&[("a", 1)]));
    client.leave();
    b.flush().await;
    pass(subject.ttl() * 3 / 4).await;
    let client = a.client("u", Some(id)).await;
    assert_eq!(client.resumed, had(&[("a", 1)]), "its time begins anew with each end");
    client.leave();
    a.flush().await;
    pass(subject.ttl() * 5 / 4).await;
    assert_eq!(b.client("u", Some(id)).await.resumed, None);
    a.expire();
    b.expire();
    assert_eq!(a.client("u", Some(id)).await.resumed, None);
}

pub(crate) async fn a_session_that_has_ended_is_gone(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let ids = [a.client("u", None).await, a.client("u", None).await].map(|client| {
        client.put("a", 1);
        let id = client.session.id();
        client.session.end();
        id
    });
    assert_eq!(a.client("u", Some(ids[0])).await.resumed, None);
    a.flush().await;
    assert_eq!(b.client("u", Some(ids[1])).await.resumed, None);
    assert_eq!(a.client("u", Some(ids[1])).await.resumed, None);
}

pub(crate) async fn the_overtaken_is_told_and_its_writes_change_nothing(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let (old, silent) = (a.client("u", None).await, a.client("u", None).await);
    old.put("a", 1);
    silent.put("a", 1);
    a.flush().await;
    let new = b.client("u", Some(old.session.id())).await;
    let beside = b.client("u", Some(silent.session.id())).await;
    assert_eq!((&new.resumed, &beside.resumed), (&had(&[("a", 1)]), &had(&[("a", 1)])));
    old.put("a", 9);
    old.put("b", 9);
    old.remove("a");
    old.learns(subject.notice()).await;
    silent.learns(subject.notice()).await;
    old.put("c", 9);
    new.put("d", 4);
    let id = old.leave();
    silent.session.end();
    a.flush().await;
    b.flush().await;
    assert!(!new.is_overtaken() && !beside.is_overtaken());
    let again = a.client("u", Some(id)).await;
    assert_eq!(again.resumed, had(&[("a", 1), ("d", 4)]));
    let beside = a.client("u", Some(beside.leave())).await;
    assert_eq!(beside.resumed, had(&[("a", 1)]), "an overtaken connection cannot end it");
    new.learns(subject.notice()).await;
}

pub(crate) async fn a_session_goes_to_and_fro(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let mut client = a.client("u", None).await;
    client.put("a", 0);
    for turn in 0..6 {
        let (from, to) = if turn % 2 == 0 { (&a, &b) } else { (&b, &a) };
        from.flush().await;
        let next = to.client("u", Some(client.session.id())).await;
        assert_eq!(next.resumed, had(&[("a", turn)]));
        next.put("a", turn + 1);
        client.learns(subject.notice()).await;
        client = next;
    }
}

pub(crate) async fn of_two_that_open_at_once_one_has_it(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    let id = client.leave();
    a.flush().await;
    let (first, second) = join(a.client("u", Some(id)), b.client("u", Some(id))).await;
    assert_eq!((&first.resumed, &second.resumed), (&had(&[("a", 1)]), &had(&[("a", 1)])));
    first.put("b", 1);
    second.put("c", 1);
    pass(subject.notice()).await;
    assert_ne!(first.is_overtaken(), second.is_overtaken(), "one is overtaken");
    let of_winner = if first.is_overtaken() { "c" } else { "b" };
    drop((first, second));
    a.flush().await;
    b.flush().await;
    assert_eq!(a.client("u", Some(id)).await.resumed, had(&[("a", 1), (of_winner, 1)]));
}

pub(crate) async fn the_oldest_detached_sessions_go_first(subject: &impl Subject) {
    let limits = Limits { detached: 3, subscriptions: 5, ..limits(subject) };
    let [a, b] = subject.stores(limits).await.map(Gateway::new);
    let mut ids = Vec::new();
    for _ in 0..4 {
        let client = a.client("u", None).await;
        client.put("a", 1);
        ids.push(client.leave());
    }
    a.flush().await;
    assert_eq!((a.store.counts().detached, a.store.counts().dropped), (3, 1));
    assert_eq!(b.client("u", Some(ids[0])).await.resumed, None);
    assert_eq!(b.client("u", Some(ids[3])).await.resumed, had(&[("a", 1)]));
    let client = a.client("v", None).await;
    for name in ["a", "b", "c", "d"] {
        client.put(name, 1);
    }
    client.leave();
    a.flush().await;
    assert_eq!(b.client("u", Some(ids[1])).await.resumed, None, "too many subscriptions");
}

pub(crate) async fn an_opening_that_is_given_up_loses_nothing(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    let id = client.leave();
    a.flush().await;
    for turns in 0..12 {
        let gateway = if turns % 2 == 0 { &b } else { &a };
        let mut opening = Box::pin(gateway.open("u", Some(id)));
        for _ in 0..turns {
            if (&mut opening).now_or_never().is_some() {
                break;
            }
            yield_now().await;
        }
        drop(opening);
        gateway.flush().await;
    }
    assert_eq!(a.client("u", Some(id)).await.resumed, had(&[("a", 1)]));
    a.flush().await;
    pass(subject.ttl() / 2).await;
    assert_eq!(b.client("u", Some(id)).await.resumed, had(&[("a", 1)]));
}

pub(crate) async fn sessions_are_counted(subject: &impl Subject) {
    let [a, _b] = fleet(subject).await;
    let clients = [a.client("u", None).await, a.client("u", None).await];
    let counts = a.store.counts();
    assert_eq!((counts.sessions, counts.detached, counts.dropped), (2, 0, 0));
    let [first, second] = clients;
    first.leave();
    assert_eq!((a.store.counts().sessions, a.store.counts().detached), (2, 1));
    second.session.end();
    assert_eq!((a.store.counts().sessions, a.store.counts().detached), (1, 1));
    pass(subject.ttl()).await;
    a.expire();
    assert_eq!((a.store.counts().sessions, a.store.counts().detached), (0, 0));
}

pub(crate) async fn subscriptions_are_written_at_once_and_positions_soon(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    client.put("b", 1);
    pass(subject.positions() / 2).await;
    client.remove("b");
    pass(subject.positions() / 2).await;
    client.put("a", 2);
    pass(subject.positions() * 2).await;
    let client = b.client("u", Some(client.vanish())).await;
    assert_eq!(client.resumed, had(&[("a", 2)]));
    client.put("c", 1);
    pass(subject.positions() / 2).await;
    let client = a.client("u", Some(client.vanish())).await;
    assert_eq!(client.resumed, had(&[("a", 2), ("c", 1)]));
    client.remove("a");
    pass(subject.positions() / 2).await;
    assert_eq!(b.client("u", Some(client.vanish())).await.resumed, had(&[("c", 1)]));
}

pub(crate) async fn a_killed_gateways_sessions_are_resumed_at_once(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    a.flush().await;
    a.kill();
    let client = b.client("u", Some(client.vanish())).await;
    assert_eq!(client.resumed, had(&[("a", 1)]));
    client.put("a", 2);
    pass(subject.lease() + subject.ttl() * 2).await;
    assert!(!client.is_overtaken(), "it is the other gateway's now");
}

pub(crate) async fn a_killed_gateways_sessions_end_after_its_lease(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let (early, late) = (a.client("u", None).await, a.client("u", None).await);
    early.put("a", 1);
    late.put("a", 1);
    a.flush().await;
    a.kill();
    let (early, late) = (early.vanish(), late.vanish());
    pass(subject.lease() / 2 + subject.ttl()).await;
    assert_eq!(
        b.client("u", Some(early)).await.resumed,
        had(&[("a", 1)]),
        "its time begins with the end of the lease"
    );
    pass(subject.lease()).await;
    assert_eq!(b.client("u", Some(late)).await.resumed, None);
    assert_eq!(b.client("u", Some(late)).await.resumed, None, "for good");
}

pub(crate) async fn a_session_with_a_connection_lives_for_as_long_as_its_gateway(
    subject: &impl Subject,
) {
    let [a, b] = fleet(subject).await;
    let client = a.client("u", None).await;
    client.put("a", 1);
    pass((subject.lease() + subject.ttl()) * 3).await;
    assert!(!client.is_overtaken());
    let next = b.client("u", Some(client.session.id())).await;
    assert_eq!(next.resumed, had(&[("a", 1)]));
    client.learns(subject.notice()).await;
}
