//! A backbone in all the ways of a real broker: it takes its time, refuses, does not answer although
//! it has stored, hangs, shares one sequence among all topics, trims, answers with what a lagging
//! replica has, leaves live records out, delivers others twice, sets its data back, and begins a
//! new life.
//!
//! Every decision follows from the seed and from what it is about, not from the order in which
//! tasks ask: two tasks that wake at one moment may do so in either order.

mod contract_tests;

use super::topic_number;
use crate::{
    backbone::{
        Attached, Backbone, Event, Head, Health, Inbox, Message, Outcome, Part, ReadBudget,
        ReadError, Record, Unavailable,
    },
    dedup::Place,
};
use futures_util::{FutureExt, future::BoxFuture};
use hub::topic::Name;
use parking_lot::Mutex;
use protocol::{Epoch, MessageId};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    future::pending,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Messages of a topic that the log keeps.
const KEPT: usize = 24;

/// What a broker does wrong that its contract forbids, to see that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    None,
    /// A key is no key.
    StoresRepeats,
    /// A record names a predecessor that is not the last message before it.
    HidesPredecessors,
    /// A head is given that was true some messages ago.
    StaleHeads,
    /// A part that was read leaves a message out.
    HoledParts,
    /// The end of the log is never announced.
    NoTailChecks,
    /// Numbers go back, and the life stays.
    NeverRenumbers,
}

#[derive(Debug)]
pub(crate) struct Broker {
    state: Arc<Mutex<State>>,
}

struct State {
    seed: u64,
    breach: Breach,
    /// All topics share one sequence.
    is_sparse: bool,
    draws: HashMap<(&'static str, String), u64>,
    lives: usize,
    topics: HashMap<usize, Log>,
    /// The last number that was given, of all topics.
    last: u64,
    stored: HashMap<String, Place>,
    /// What was handed over and is not in the log yet, in order, with its ticket.
    queue: VecDeque<(u64, Message, Fate)>,
    tickets: u64,
    outcomes: HashMap<u64, Outcome>,
    attachments: u64,
    /// Everything that each life of a topic ever had, for the truth.
    ever: HashMap<(usize, String), BTreeMap<u64, usize>>,
    /// The attempts that each number of a topic was ever given to.
    given: HashMap<(usize, u64), Vec<usize>>,
    /// Lives in which numbers were given twice.
    broken: HashSet<(usize, String)>,
}

struct Log {
    epoch: Arc<Epoch<'static>>,
    head: u64,
    /// Everything up to this number is gone.
    floor: u64,
    records: BTreeMap<u64, Entry>,
    inboxes: Vec<(u64, Arc<dyn Inbox>)>,
}

#[derive(Clone)]
struct Entry {
    message_id: MessageId<'static>,
    data: Box<RawValue>,
    /// When it was stored, in virtual time.
    stored: Instant,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("stored", &self.stored.len()).finish_non_exhaustive()
    }
}

/// What happens to a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It is stored, and no answer says so.
    StoredInSilence,
    /// It is neither stored nor answered.
    Swallowed,
    /// It is stored; the connection breaks before the answer.
    BrokenOff,
    Refused,
}

/// How a question fares on its way.
struct Way {
    delay: Duration,
    arrives: Arrives,
}

enum Arrives {
    Yes,
    No,
    Never,
}

impl Broker {
    pub(crate) fn new(seed: u64, breach: Breach) -> Self {
        let state = State {
            seed,
            breach,
            is_sparse: seed.is_multiple_of(2),
            draws: HashMap::new(),
            lives: 0,
            topics: HashMap::new(),
            last: 0,
            stored: HashMap::new(),
            queue: VecDeque::new(),
            tickets: 0,
            outcomes: HashMap::new(),
            attachments: 0,
            ever: HashMap::new(),
            given: HashMap::new(),
            broken: HashSet::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// How many attachments there are.
    pub(super) fn attachments(&self) -> usize {
        self.state.lock().topics.values().map(|log| log.inboxes.len()).sum()
    }

    /// The present life of a topic and the number of its last message.
    pub(super) fn head_of(&self, topic: usize) -> Option<(String, u64)> {
        let state = self.state.lock();
        let log = state.topics.get(&topic)?;
        Some((log.epoch.as_str().to_owned(), log.last()))
    }

    /// Whether the numbers of this life mean one message each.
    pub(super) fn is_broken(&self, topic: usize, epoch: &str) -> bool {
        self.state.lock().broken.contains(&(topic, epoch.to_owned()))
    }

    /// The first message of a life of a topic between two numbers, if there ever was one.
    pub(super) fn between(&self, topic: usize, epoch: &str, low: u64, high: u64) -> Option<u64> {
        let state = self.state.lock();
        let log = state.ever.get(&(topic, epoch.to_owned()))?;
        log.range(low + 1..high).next().map(|(seq_no, _)| *seq_no)
    }

    /// Which attempt a number was given to in this life.
    pub(super) fn attempt_at(&self, topic: usize, epoch: &str, seq_no: u64) -> Option<usize> {
        self.state.lock().ever.get(&(topic, epoch.to_owned()))?.get(&seq_no).copied()
    }

    /// Which attempts a number was ever given to.
    pub(super) fn attempts_at(&self, topic: usize, seq_no: u64) -> Vec<usize> {
        let state = self.state.lock();
        state.given.get(&(topic, seq_no)).cloned().unwrap_or_default()
    }

    /// The numbers and times of all messages behind a position, if the log has all of them.
    pub(super) fn kept_behind(
        &self,
        topic: usize,
        epoch: &str,
        position: u64,
    ) -> Option<Vec<(u64, Instant)>> {
        let state = self.state.lock();
        let log = state.topics.get(&topic)?;
        let life = (topic, epoch.to_owned());
        if log.epoch.as_str() != epoch || position < log.floor || state.broken.contains(&life) {
            return None;
        }
        let behind = log.records.range(position + 1..);
        Some(behind.map(|(seq_no, entry)| (*seq_no, entry.stored)).collect())
    }

    /// Something happens to a topic's log.
    pub(super) fn disturb(&self, topic: usize) {
        let mut state = self.state.lock();
        let mut dice = state.dice("disturb", topic);
        match dice.random_range(0..4) {
            0 => state.trim(topic, dice.random_range(1..6)),
            1 => {
                let count = dice.random_range(1..5);
                state.set_back(topic, count);
            }
            2 => state.begin_life(topic, dice.random_range(0..12)),
            // Nothing was lost in truth.
            _ => state.begin_life(topic, u64::MAX),
        }
        drop(state);
        self.announce(topic);
    }

    /// The end of a topic's log is told to all that follow it.
    pub(super) fn announce(&self, topic: usize) {
        let state = self.state.lock();
        let Some(log) = state.topics.get(&topic) else { return };
        if state.breach == Breach::NoTailChecks {
            return;
        }
        let (head, inboxes) = (log.head(), log.inboxes.clone());
        drop(state);
        let name = Name::new(super::topic_name(topic)).unwrap();
        for (_, inbox) in inboxes {
            inbox.deliver(&name, Event::Head(head.clone()));
        }
    }
}

impl State {
    /// Decides by the seed, by what is decided, and by how often it was.
    fn dice(&mut self, what: &'static str, of: impl ToString) -> StdRng {
        let count = self.draws.entry((what, of.to_string())).or_default();
        *count += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, what, of.to_string(), *count).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }

    fn way(&mut self, what: &'static str, of: impl ToString) -> Way {
        let mut dice = self.dice(what, of);
        let delay = Duration::from_millis(dice.random_range(0..3));
        let arrives = match dice.random_range(0..100) {
            0..8 => Arrives::No,
            8..11 => Arrives::Never,
            _ => Arrives::Yes,
        };
        Way { delay, arrives }
    }

    fn new_life(&mut self) -> Arc<Epoch<'static>> {
        self.lives += 1;
        Arc::new(Epoch::new(format!("life-{}", self.lives)).unwrap())
    }

    fn log(&mut self, topic: usize) -> &mut Log {
        if !self.topics.contains_key(&topic) {
            let epoch = self.new_life();
            let log =
                Log { epoch, head: 0, floor: 0, records: BTreeMap::new(), inboxes: Vec::new() };
            self.topics.insert(topic, log);
        }
        self.topics.get_mut(&topic).unwrap()
    }

    fn fate(&mut self, key: &str) -> (Fate, u64, u64) {
        let mut dice = self.dice("publish", key);
        let fate = match dice.random_range(0..100) {
            0..70 => Fate::Answered,
            70..78 => Fate::StoredInSilence,
            78..84 => Fate::Swallowed,
            84..92 => Fate::BrokenOff,
            _ => Fate::Refused,
        };
        (fate, dice.random_range(0..3), dice.random_range(0..5))
    }

    fn trim(&mut self, topic: usize, count: usize) {
        let log = self.log(topic);
        for _ in 0..count {
            if let Some((seq_no, _)) = log.records.pop_first() {
                log.floor = seq_no;
            }
        }
    }

    /// The newest messages are gone, and their numbers are given again.
    fn set_back(&mut self, topic: usize, count: usize) {
        let log = self.log(topic);
        // Only gateways that have followed it can know.
        if log.inboxes.is_empty() || log.records.len() <= count {
            return;
        }
        for _ in 0..count {
            log.records.pop_last();
        }
        log.head = log.last();
        let (life, head) = ((topic, log.epoch.as_str().to_owned()), log.head);
        self.ever.entry(life.clone()).or_default().retain(|seq_no, _| *seq_no <= head);
        self.broken.insert(life);
        self.last = self.last.min(head);
    }

    /// A new life, whose numbers go on behind `head`, or in which nothing has changed.
    fn begin_life(&mut self, topic: usize, head: u64) {
        let epoch = self.new_life();
        let log = self.log(topic);
        log.epoch = epoch;
        if head < u64::MAX {
            (log.head, log.floor) = (head, head);
            log.records.clear();
        }
        let life = (topic, log.epoch.as_str().to_owned());
        let numbers: Vec<_> =
            log.records.iter().map(|(no, entry)| (*no, entry.attempt())).collect();
        self.ever.entry(life).or_default().extend(numbers);
    }
}

impl Entry {
    fn attempt(&self) -> usize {
        let data: serde_json::Value = serde_json::from_str(self.data.get()).unwrap();
        data["attempt"].as_u64().unwrap() as usize
    }
}

impl Log {
    /// The number of the last message, kept or not.
    fn last(&self) -> u64 {
        self.records.last_key_value().map_or(self.floor, |(seq_no, _)| *seq_no)
    }

    fn head(&self) -> Head {
        let message_id = self.records.get(&self.head).map(|entry| entry.message_id.clone());
        Head { epoch: self.epoch.clone(), seq_no: self.head, message_id }
    }

    fn record(&self, seq_no: u64, entry: &Entry) -> Record {
        let before = self.records.range(..seq_no).next_back().map(|(seq_no, _)| *seq_no);
        Record {
            epoch: self.epoch.clone(),
            seq_no,
            // As NATS does it: 0 if there is none, or none any more.
            prev: Some(before.unwrap_or(0)),
            message_id: entry.message_id.clone(),
            data: entry.data.clone(),
            age: entry.stored.elapsed(),
        }
    }
}

/// Appends a message if its key is new, and delivers it to every inbox that follows.
fn append(state: &Mutex<State>, message: &Message) -> Outcome {
    let mut locked = state.lock();
    let state = &mut *locked;
    let key = message.key();
    if let Some(place) = state.stored.get(&key).filter(|_| state.breach != Breach::StoresRepeats) {
        return Outcome::Duplicate(place.clone());
    }
    let topic = topic_number(message.topic.as_str());
    let mut dice = state.dice("live", &key);
    let (last, breach) = (state.last, state.breach);
    let log = state.log(topic);
    let seq_no = log.head.max(last) + 1;
    log.head = seq_no;
    state.last = if state.is_sparse { seq_no } else { 0 };
    let log = state.log(topic);
    let entry = Entry {
        message_id: message.message_id.clone(),
        data: message.data.clone(),
        stored: Instant::now(),
    };
    let attempt = entry.attempt();
    log.records.insert(seq_no, entry.clone());
    while log.records.len() > KEPT {
        if let Some((seq_no, _)) = log.records.pop_first() {
            log.floor = seq_no;
        }
    }
    let mut record = log.record(seq_no, &entry);
    if dice.random_bool(0.1) {
        record.prev = None;
    } else if breach == Breach::HidesPredecessors {
        record.prev = Some(log.floor.max(1));
    }
    let (life, inboxes) = ((topic, log.epoch.as_str().to_owned()), log.inboxes.clone());
    state.ever.entry(life).or_default().insert(seq_no, attempt);
    state.given.entry((topic, seq_no)).or_default().push(attempt);
    let place = Place { topic: Arc::new(message.topic.clone()), seq_no };
    state.stored.insert(key, place);
    drop(locked);
    let copies = match dice.random_range(0..100) {
        0..8 => 0,
        8..13 => 2,
        _ => 1,
    };
    for (_, inbox) in inboxes {
        for _ in 0..copies {
            inbox.deliver(&message.topic, Event::Record(record.clone()));
        }
    }
    Outcome::Stored(seq_no)
}

/// Everything that was handed over up to this ticket arrives, in order. What is not waited for any
/// more arrives late.
fn work_off(state: &Mutex<State>, ticket: u64) {
    loop {
        let mut locked = state.lock();
        let Some((next, message, fate)) = locked.queue.pop_front_if(|(next, ..)| *next <= ticket)
        else {
            return;
        };
        drop(locked);
        if !matches!(fate, Fate::Refused | Fate::Swallowed) {
            let outcome = append(state, &message);
            state.lock().outcomes.insert(next, outcome);
        }
    }
}

/// A question is on its way for a while, and may get lost.
async fn travel(way: Way) -> Result<(), Unavailable> {
    sleep(way.delay).await;
    match way.arrives {
        Arrives::Yes => Ok(()),
        Arrives::No => Err(Unavailable),
        Arrives::Never => pending().await,
    }
}

impl Backbone for Broker {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        let shared = self.state.clone();
        let (ticket, fate, there, back) = {
            let mut state = shared.lock();
            let (fate, there, back) = state.fate(&message.key());
            state.tickets += 1;
            let ticket = state.tickets;
            state.queue.push_back((ticket, message, fate));
            (ticket, fate, there, back)
        };
        async move {
            sleep(Duration::from_millis(there)).await;
            work_off(&shared, ticket);
            sleep(Duration::from_millis(back)).await;
            let outcome = shared.lock().outcomes.remove(&ticket);
            match fate {
                Fate::StoredInSilence | Fate::Swallowed => pending().await,
                Fate::BrokenOff => Outcome::Unknown,
                Fate::Refused => Outcome::Refused,
                Fate::Answered => outcome.unwrap(),
            }
        }
        .boxed()
    }

    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        let shared = self.state.clone();
        async move {
            let number = topic_number(topic.as_str());
            let (way, back) = {
                let mut state = shared.lock();
                (state.way("attach", number), state.dice("attached", number).random_range(0..3))
            };
            travel(way).await?;
            let (head, guard) = {
                let mut state = shared.lock();
                state.attachments += 1;
                let id = state.attachments;
                let log = state.log(number);
                log.inboxes.push((id, inbox));
                (log.head(), Guard { state: shared.clone(), topic: number, id })
            };
            // The head was proved; events come already.
            sleep(Duration::from_millis(back)).await;
            Ok(Attached { head, guard: Box::new(guard) })
        }
        .boxed()
    }

    fn head(&self, topic: &Name) -> BoxFuture<'static, Result<Head, Unavailable>> {
        let (shared, topic) = (self.state.clone(), topic_number(topic.as_str()));
        async move {
            let way = shared.lock().way("head", topic);
            travel(way).await?;
            let mut state = shared.lock();
            let breach = state.breach;
            let log = state.log(topic);
            let mut head = log.head();
            if breach == Breach::StaleHeads
                && let Some((before, entry)) = log.records.range(..log.head).next_back()
            {
                (head.seq_no, head.message_id) = (*before, Some(entry.message_id.clone()));
            }
            Ok(head)
        }
        .boxed()
    }

    fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>> {
        let (shared, topic, epoch) =
            (self.state.clone(), topic_number(topic.as_str()), epoch.clone());
        async move {
            let (way, lag, most) = {
                let mut state = shared.lock();
                let mut dice = state.dice("read", topic);
                let lag = if dice.random_bool(0.1) { dice.random_range(1..4) } else { 0 };
                let most = dice.random_range(1..6).min(budget.messages);
                (state.way("reading", topic), lag, most)
            };
            travel(way).await?;
            let mut state = shared.lock();
            let breach = state.breach;
            let log = state.log(topic);
            if *log.epoch != epoch {
                return Err(ReadError::AnotherLife);
            }
            let begin = after.max(log.floor);
            let behind: Vec<_> = log.records.range(begin + 1..).collect();
            // A replica lags: it does not have the newest ones yet.
            let visible = behind.len().saturating_sub(lag);
            let mut records: Vec<_> = behind[..visible]
                .iter()
                .take(most)
                .map(|(seq_no, entry)| log.record(**seq_no, entry))
                .collect();
            let is_all = lag == 0 && records.len() == behind.len();
            let last = records.last().map_or(begin, |record| record.seq_no);
            let up_to = if is_all { log.head.max(last) } else { last };
            if breach == Breach::HoledParts && records.len() > 1 {
                records.remove(0);
            }
            Ok(Part { after: begin, records, up_to })
        }
        .boxed()
    }

    fn renumber(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>> {
        let (shared, topic, epoch) =
            (self.state.clone(), topic_number(topic.as_str()), epoch.clone());
        async move {
            let way = shared.lock().way("renumber", topic);
            travel(way).await?;
            let mut state = shared.lock();
            let breach = state.breach;
            if *state.log(topic).epoch == epoch && breach != Breach::NeverRenumbers {
                state.begin_life(topic, u64::MAX);
            }
            let head = state.log(topic).head();
            drop(state);
            Self { state: shared }.announce(topic);
            Ok(head)
        }
        .boxed()
    }

    fn health(&self) -> Health {
        Health::Reachable
    }
}

struct Guard {
    state: Arc<Mutex<State>>,
    topic: usize,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.state.lock().log(self.topic).inboxes.retain(|(id, _)| *id != self.id);
    }
}
