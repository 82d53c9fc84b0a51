//! The core against its guarantees: random schedules of all possible events, one step at a time,
//! and threads that cause them concurrently. A sink checks each message on arrival: it has the
//! topic's next number, and it comes only while the sink is subscribed. The state that topics share
//! has a model of its own in [`shares`].

mod predecessors;
mod shares;

use super::{directory::Limits, *};
use crate::clock::Clock;
use bytes::{Buf, Bytes};
use history::Budget;
use parking_lot::Mutex;
use proptest::prelude::*;
use protocol::{Epoch, MessageId, Position, SeqNo, ServerFrame};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use topic::Liveness;

/// A subscriber that knows the next number of each topic.
#[derive(Debug, Default)]
struct Reader {
    /// By topic: the number of the next message. A topic without an entry is not subscribed.
    expected: Mutex<HashMap<String, u64>>,
}

impl Sink for Reader {
    fn deliver(&self, subscription: &Liveness, frames: &Bytes) {
        let mut expected = self.expected.lock();
        if !subscription.is_live() {
            return;
        }
        for (topic, seq_no) in messages(frames) {
            let next = expected
                .get_mut(&topic)
                .unwrap_or_else(|| panic!("{topic} {seq_no} without a subscription"));
            assert_eq!(seq_no, *next, "{topic}: a gap, a repeat or a change of order");
            *next += 1;
        }
    }
}

fn messages(frames: &Bytes) -> Vec<(String, u64)> {
    let (mut rest, mut found) = (frames.clone(), Vec::new());
    while rest.has_remaining() {
        assert_eq!(rest.get_u8(), 0x81, "whole text frames");
        let len = match rest.get_u8() {
            126 => rest.get_u16() as usize,
            short => short as usize,
        };
        let text = rest.split_to(len);
        match ServerFrame::parse(std::str::from_utf8(&text).unwrap()).unwrap() {
            ServerFrame::Message(message) => {
                found.push((message.topic.as_str().to_owned(), message.seq_no.get()))
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

static EPOCHS: AtomicU64 = AtomicU64::new(0);

fn new_epoch() -> Epoch<'static> {
    Epoch::new(EPOCHS.fetch_add(1, Ordering::Relaxed).to_string()).unwrap()
}

fn directory(max_topics: usize) -> Directory<Reader> {
    with_history(max_topics, history::Limits::NONE, usize::MAX)
}

fn with_history(
    max_topics: usize,
    history: history::Limits,
    history_bytes: usize,
) -> Directory<Reader> {
    with_limits(Limits { max_topics, history_bytes, ..LIMITS }, history)
}

const LIMITS: Limits = Limits {
    max_topics: usize::MAX,
    max_topics_per_user: usize::MAX,
    meta_ttl: Duration::from_secs(60),
    topic_backlog: 2000,
    history_bytes: usize::MAX,
};

fn with_limits(limits: Limits, history: history::Limits) -> Directory<Reader> {
    Directory::new(
        limits,
        Box::new(move |_| history),
        Clock::start(),
        new_epoch,
        Instruments::default(),
    )
}

/// Forgets everything that has expired; returns how many topics were forgotten.
fn expire(directory: &Directory<Reader>) -> usize {
    let before = directory.len();
    while directory.expire_some() {}
    before - directory.len()
}

fn name(topic: usize) -> protocol::Topic<'static> {
    protocol::Topic::new(format!("t{topic}")).unwrap()
}

/// By number; one of them is the backends.
const OWNERS: [Owner<'_>; 3] = [Owner::Backends, Owner::User("u"), Owner::User("v")];

fn append(directory: &Directory<Reader>, topic: usize) -> Result<Appended<Reader>, TooManyTopics> {
    append_as(directory, OWNERS[0], topic)
}

fn append_as(
    directory: &Directory<Reader>,
    owner: Owner<'_>,
    topic: usize,
) -> Result<Appended<Reader>, TooManyTopics> {
    let (id, data) =
        (MessageId::new("m").unwrap(), r#"{"padding":"so that a chunk has few messages"}"#);
    directory
        .with(&name(topic), owner, &mut None, |topic| topic.append(topic.shared().now(), &id, data))
}

/// Subscribes as a connection does: the reader is held until it knows what to expect.
fn join(
    directory: &Directory<Reader>,
    reader: &Arc<Reader>,
    topic: usize,
) -> Result<Subscription<Reader>, TooManyTopics> {
    join_as(directory, OWNERS[0], reader, topic)
}

fn join_as(
    directory: &Directory<Reader>,
    owner: Owner<'_>,
    reader: &Arc<Reader>,
    topic: usize,
) -> Result<Subscription<Reader>, TooManyTopics> {
    let mut expected = reader.expected.lock();
    let Joined { subscription, head, .. } =
        directory
            .with(&name(topic), owner, &mut None, |topic| topic.join(reader.clone(), Start::NOW))?;
    expected.insert(name(topic).to_string(), head + 1);
    Ok(subscription)
}

fn leave(reader: &Reader, topic: usize, subscription: Subscription<Reader>) {
    drop(subscription);
    reader.expected.lock().remove(name(topic).as_str());
}

/// As [`join`], from `back` messages before the head, if the topic has that many; otherwise with
/// the `last` messages that are kept. An `old` subscription ends before another byte of the topic
/// can arrive, as when a connection moves a subscription.
fn join_behind(
    directory: &Directory<Reader>,
    reader: &Arc<Reader>,
    topic: usize,
    (back, last): (Option<u64>, Option<u64>),
    old: Option<Subscription<Reader>>,
) -> Subscription<Reader> {
    let mut expected = reader.expected.lock();
    let join = |topic: &Arc<Topic<Reader>>| {
        let (head, epoch) = topic.position();
        let last_seq = back.map(|back| SeqNo::new(head.saturating_sub(back)).unwrap());
        let position = last_seq.map(|last_seq| Position { last_seq, epoch: Some(epoch.as_str()) });
        Ok((
            last_seq.map(SeqNo::get),
            topic.join(reader.clone(), Start { position, page: None, last })?,
        ))
    };
    let (last_seq, Joined { subscription, head, after, recovered, .. }) =
        directory.with(&name(topic), OWNERS[0], &mut None, join).unwrap();
    drop(old);
    assert_eq!(recovered.is_some(), last_seq.is_some());
    match last_seq {
        Some(last_seq) if recovered == Some(true) => assert_eq!(after, last_seq),
        Some(last_seq) => assert!(last_seq < head, "a subscriber that has everything is told so"),
        None => {}
    }
    if recovered != Some(true) {
        assert!(after <= head && after >= head.saturating_sub(last.unwrap_or(0)));
    }
    assert_eq!(subscription.is_behind(), after < head);
    expected.insert(name(topic).to_string(), after + 1);
    subscription
}

/// As a connection does for a subscription that is behind.
fn catch_up(
    reader: &Reader,
    topic: usize,
    subscription: &mut Subscription<Reader>,
    budget: Budget,
) {
    let mut expected = reader.expected.lock();
    let next = expected.get_mut(name(topic).as_str()).unwrap();
    let mut batch = Vec::new();
    let progress = subscription.catch_up(None, budget, &mut batch);
    let numbers: Vec<u64> = messages(&batch.into()).into_iter().map(|(_, seq_no)| seq_no).collect();
    assert_eq!(
        numbers,
        (*next..*next + numbers.len() as u64).collect::<Vec<_>>(),
        "a gap or a repeat in a replay"
    );
    *next += numbers.len() as u64;
    match progress {
        CatchUp::Behind { messages } => {
            assert!(messages == numbers.len() && messages > 0 && subscription.is_behind())
        }
        CatchUp::Live { messages } => {
            assert!(messages == numbers.len() && !subscription.is_behind())
        }
        CatchUp::NeedsPage { .. } => panic!("these topics follow no log"),
        CatchUp::Lost { head, .. } => {
            assert!(
                numbers.is_empty() && *next <= head && !subscription.is_behind(),
                "a loss that is none"
            );
            *next = head + 1;
        }
    }
}

const READERS: usize = 5;
const TOPICS: usize = 3;

#[derive(Debug, Clone)]
enum Action {
    Join(usize, usize),
    /// How many messages before the head to begin at, or how many of the newest to replay; a
    /// subscription that exists moves.
    JoinBehind(usize, usize, Option<u64>, Option<u64>),
    Leave(usize, usize),
    /// A publish by an owner.
    Append(usize, usize),
    /// A batch of a replay: reader, topic, messages, bytes.
    CatchUp(usize, usize, usize, usize),
    /// Milliseconds pass, and everything that has expired is removed.
    Wait(u64),
    /// A step of one of the running fan-outs.
    Step(prop::sample::Index),
    /// A fan-out's holder is dropped.
    Abandon(prop::sample::Index),
}

fn action() -> impl Strategy<Value = Action> {
    let fan_out = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0..READERS, 0..TOPICS).prop_map(|(r, t)| Action::Join(r, t)),
        3 => (0..READERS, 0..TOPICS, prop::option::of(0..12u64), prop::option::of(1..12u64))
            .prop_map(|(r, t, back, last)| Action::JoinBehind(r, t, back, last)),
        2 => (0..READERS, 0..TOPICS).prop_map(|(r, t)| Action::Leave(r, t)),
        4 => (0..READERS, 0..TOPICS, 1..5usize, 1..400usize).prop_map(|(r, t, messages, bytes)| Action::CatchUp(r, t, messages, bytes)),
        1 => (1..40u64).prop_map(Action::Wait),
        6 => (0..OWNERS.len(), 0..TOPICS).prop_map(|(o, t)| Action::Append(o, t)),
        6 => fan_out().prop_map(Action::Step),
        1 => fan_out().prop_map(Action::Abandon),
    ]
}

/// A topic's history in these schedules: all three limits are reached.
const HISTORY: history::Limits =
    history::Limits { messages: 10, age: Duration::from_millis(100), bytes: 1000 };

struct World {
    time: tokio::runtime::Runtime,
    directory: Directory<Reader>,
    readers: Vec<Arc<Reader>>,
    subscriptions: HashMap<(usize, usize), Subscription<Reader>>,
    fan_outs: Vec<FanOut<Reader>>,
}

impl World {
    fn new() -> Self {
        let time = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let readers = (0..READERS).map(|_| Arc::default()).collect();
        let directory = time.block_on(async { with_history(TOPICS, HISTORY, 1500) });
        Self { time, directory, readers, subscriptions: HashMap::new(), fan_outs: Vec::new() }
    }

    fn wait(&self, time: Duration) {
        self.time.block_on(tokio::time::advance(time));
        let _inside = self.time.enter();
        expire(&self.directory);
    }

    fn act(&mut self, action: &Action) {
        if let Action::Wait(millis) = action {
            return self.wait(Duration::from_millis(*millis));
        }
        let handle = self.time.handle().clone();
        let _inside = handle.enter();
        match action {
            Action::JoinBehind(reader, topic, back, last) => {
                let old = self.subscriptions.remove(&(*reader, *topic));
                let new = join_behind(
                    &self.directory,
                    &self.readers[*reader],
                    *topic,
                    (*back, *last),
                    old,
                );
                self.subscriptions.insert((*reader, *topic), new);
            }
            Action::CatchUp(reader, topic, messages, bytes) => {
                if let Some(subscription) =
                    self.subscriptions.get_mut(&(*reader, *topic)).filter(|found| found.is_behind())
                {
                    catch_up(
                        &self.readers[*reader],
                        *topic,
                        subscription,
                        Budget { bytes: *bytes, messages: *messages },
                    );
                }
            }
            Action::Join(reader, topic) => {
                let (directory, reader_of) = (&self.directory, &self.readers[*reader]);
                self.subscriptions
                    .entry((*reader, *topic))
                    .or_insert_with(|| join(directory, reader_of, *topic).unwrap());
            }
            Action::Leave(reader, topic) => {
                if let Some(subscription) = self.subscriptions.remove(&(*reader, *topic)) {
                    leave(&self.readers[*reader], *topic, subscription);
                }
            }
            Action::Append(owner, topic) => self.append(*owner, *topic),
            Action::Step(index) if !self.fan_outs.is_empty() => {
                let at = index.index(self.fan_outs.len());
                if self.fan_outs[at].step() == Step::Done {
                    self.fan_outs.remove(at);
                }
            }
            Action::Abandon(index) if !self.fan_outs.is_empty() => {
                self.fan_outs.remove(index.index(self.fan_outs.len()));
            }
            Action::Step(_) | Action::Abandon(_) | Action::Wait(_) => {}
        }
    }

    fn append(&mut self, owner: usize, topic: usize) {
        let appended = append_as(&self.directory, OWNERS[owner], topic).unwrap();
        assert_eq!(
            appended.subscribers,
            self.subscriptions.keys().filter(|key| key.1 == topic).count()
        );
        if let Some(fan_out) = appended.fan_out {
            let same =
                self.fan_outs.iter().any(|other| Arc::ptr_eq(other.topic(), fan_out.topic()));
            assert!(!same, "the right to fan out exists once");
            self.fan_outs.push(fan_out);
        }
    }

    fn check(&self) {
        let in_use = (0..TOPICS)
            .filter(|topic| self.subscriptions.keys().any(|key| key.1 == *topic))
            .count();
        assert_eq!(self.directory.topics_in_use(), in_use);
        self.directory.audit();
    }

    /// One more message for each topic reaches every subscriber, with everything that was pending;
    /// then nothing is left.
    fn finish(mut self) {
        let handle = self.time.handle().clone();
        let inside = handle.enter();
        for ((reader, topic), subscription) in &mut self.subscriptions {
            while subscription.is_behind() {
                catch_up(
                    &self.readers[*reader],
                    *topic,
                    subscription,
                    Budget { bytes: 300, messages: 3 },
                );
            }
        }
        (0..TOPICS).for_each(|topic| self.append(0, topic));
        for mut fan_out in self.fan_outs.drain(..) {
            while fan_out.step() != Step::Done {}
        }
        for ((reader, topic), subscription) in self.subscriptions.drain() {
            let expected = self.readers[reader].expected.lock()[name(topic).as_str()];
            assert_eq!(expected, subscription.topic().head() + 1, "somebody missed a message");
            drop(subscription);
        }
        assert_eq!((self.directory.topics_in_use(), self.directory.topics_fanning_out()), (0, 0));
        drop(inside);
        self.wait(HISTORY.age);
        assert_eq!(self.directory.history_bytes(), 0, "history that nobody counts");
        for reader in &self.readers {
            assert_eq!(
                Arc::strong_count(reader),
                1,
                "a topic still holds a subscriber that has left"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_schedule_keeps_the_order_and_loses_nothing(actions in prop::collection::vec(action(), 1..120)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
            world.check();
            assert!(world.directory.history_bytes() < 1500 + 2000, "one publish over its limit at most");
        }
        world.finish();
    }
}

/// Found by the schedules once in 60,000 cases.
#[test]
fn a_fan_out_dropped_when_nobody_is_left_keeps_nobody() {
    let mut world = World::new();
    for action in [
        Action::Join(0, 0),
        Action::Append(0, 0),
        Action::Join(1, 0),
        Action::Leave(1, 0),
        Action::Leave(0, 0),
    ] {
        world.act(&action);
    }
    world.fan_outs.clear();
    world.finish();
}

#[test]
fn threads_that_do_it_all_at_once() {
    const MESSAGES: usize = 20_000;
    let directory = directory(1);
    let (steady, done) = (Arc::<Reader>::default(), AtomicBool::new(false));
    let subscription = join(&directory, &steady, 0).unwrap();
    std::thread::scope(|scope| {
        let publisher = || {
            for _ in 0..MESSAGES {
                let mut fan_out = append(&directory, 0).unwrap().fan_out;
                while fan_out.as_mut().is_some_and(|fan_out| fan_out.step() != Step::Done) {}
            }
        };
        let publishers = [scope.spawn(publisher), scope.spawn(publisher)];
        for _ in 0..2 {
            scope.spawn(|| {
                let reader = Arc::default();
                while !done.load(Ordering::Relaxed) {
                    let subscription = join(&directory, &reader, 0).unwrap();
                    std::thread::yield_now();
                    leave(&reader, 0, subscription);
                }
            });
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(steady.expected.lock()["t0"], 2 * MESSAGES as u64 + 1);
    assert_eq!(subscription.topic().subscribers(), 1);
}

#[tokio::test]
async fn a_topic_that_lags_says_so_until_it_has_caught_up() {
    let directory = directory(1);
    let reader = Arc::default();
    let subscription = join(&directory, &reader, 0).unwrap();
    let topic = subscription.topic().clone();
    let mut fan_out = None;
    let mut lags = || {
        let appended = append(&directory, 0).unwrap();
        fan_out = fan_out.take().or(appended.fan_out);
        appended.congested
    };
    // Each message has more than 100 bytes.
    assert!((0..LIMITS.topic_backlog / 100).any(|_| lags()));
    let mut waiting = std::pin::pin!(topic.below_backlog());
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let mut fan_out = fan_out.unwrap();
    while fan_out.step() != Step::Done {}
    assert!(futures_util::poll!(&mut waiting).is_ready());
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_topic_unused_for_the_longest_goes_first() {
    let (directory, reader) = (directory(3), Arc::default());
    let second = Duration::from_secs(1);
    let used = join(&directory, &reader, 0).unwrap();
    for topic in [1, 2, 1] {
        tokio::time::advance(second).await;
        let _nobody = append(&directory, topic).unwrap();
    }
    tokio::time::advance(second).await;
    assert_eq!(append(&directory, 3).unwrap().seq_no, 1, "takes the place of topic 2");
    assert_eq!(append(&directory, 1).unwrap().seq_no, 3, "goes on");
    let _also = [join(&directory, &reader, 1).unwrap(), join(&directory, &reader, 3).unwrap()];
    assert_eq!(append(&directory, 2).unwrap_err(), TooManyTopics::OfAll(3));
    leave(&reader, 0, used);
    assert_eq!(append(&directory, 2).unwrap().seq_no, 1, "a new life");
    assert_eq!(directory.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unused_topic_is_remembered_for_its_time_and_then_has_a_new_epoch() {
    let (directory, reader) = (directory(10), Arc::default());
    let epoch = |subscription: &Subscription<Reader>| subscription.topic().epoch().clone();
    let subscription = join(&directory, &reader, 0).unwrap();
    let first = epoch(&subscription);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(expire(&directory), 0, "it has a subscriber");
    leave(&reader, 0, subscription);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(expire(&directory), 0);
    let subscription = join(&directory, &reader, 0).unwrap();
    assert_eq!(epoch(&subscription), first);
    leave(&reader, 0, subscription);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(expire(&directory), 1);
    assert_ne!(epoch(&join(&directory, &reader, 0).unwrap()), first);
}

#[test]
fn who_kept_a_forgotten_topic_publishes_to_its_successor() {
    let directory = directory(1);
    let mut last = None;
    let id = MessageId::new("m").unwrap();
    let publish = |last: &mut _| {
        directory
            .with(&name(0), OWNERS[0], last, |topic| topic.append(topic.shared().now(), &id, "1"))
            .unwrap()
            .seq_no
    };
    assert_eq!((publish(&mut last), publish(&mut last)), (1, 2));
    let _other = append(&directory, 1).unwrap();
    let _same = append(&directory, 0).unwrap();
    assert_eq!(publish(&mut last), 2, "not the forgotten one's 3");
}

/// Bytes that no subscriber would get are not kept for a fan-out.
#[test]
fn without_a_live_subscriber_a_publish_has_nothing_to_fan_out() {
    let (directory, reader) = (directory(1), Arc::default());
    let subscription = join(&directory, &reader, 0).unwrap();
    let topic = subscription.topic().clone();
    leave(&reader, 0, subscription);
    assert!(append(&directory, 0).unwrap().fan_out.is_none());
    let _second = join(&directory, &reader, 0).unwrap();
    assert!(append(&directory, 0).unwrap().fan_out.is_some());
    assert_eq!(topic.head(), 2);
}

#[test]
fn a_position_of_another_life_is_not_recovered_even_if_its_number_is_kept() {
    let kept = history::Limits { messages: 10, age: Duration::from_secs(60), bytes: 1000 };
    let directory = with_history(1, kept, usize::MAX);
    for _ in 0..3 {
        let _nobody = append(&directory, 0).unwrap();
    }
    let topic = directory.find(&name(0)).unwrap();
    let epoch = topic.epoch();
    for (epoch, recovered, after) in [(epoch.as_str(), true, 1), ("another", false, topic.head())] {
        let position = Position { last_seq: SeqNo::new(1).unwrap(), epoch: Some(epoch) };
        let start = Start { position: Some(position), ..Start::NOW };
        let joined = topic.join(Arc::default(), start).unwrap();
        assert_eq!((joined.recovered, joined.after), (Some(recovered), after));
    }
}
