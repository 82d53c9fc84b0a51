//! A backbone with every fault that its contract allows: it takes its time, refuses, does not
//! answer although it has stored, loses messages and says so, skips numbers without a word,
//! delivers again, begins a new life, and is away.

use super::topic_number;
use crate::{
    backbone::{Backbone, Feed, Message, Outcome, Unavailable},
    dedup::Place,
    hub::topic::Name,
};
use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use protocol::Epoch;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

#[derive(Debug)]
pub(super) struct Flaky {
    state: Arc<Mutex<State>>,
    /// A bug on purpose: a key is no key.
    stores_repeats: bool,
}

struct State {
    random: StdRng,
    lives: usize,
    topics: HashMap<usize, Log>,
    stored: HashMap<String, Place>,
    /// What was handed over and is not in the log yet, in order, with its ticket.
    queue: VecDeque<(u64, Message, Fate)>,
    tickets: u64,
    outcomes: HashMap<u64, Outcome>,
}

struct Log {
    head: u64,
    epoch: Epoch<'static>,
    feeds: Vec<Arc<dyn Feed>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("stored", &self.stored.len()).finish_non_exhaustive()
    }
}

/// What happens to a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It is stored, and nobody says so.
    StoredInSilence,
    /// It is neither stored nor answered.
    Swallowed,
    /// It is stored; the connection breaks before the answer.
    BrokenOff,
    Refused,
}

impl Flaky {
    pub(super) fn new(seed: u64, stores_repeats: bool) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed),
            lives: 0,
            topics: HashMap::new(),
            stored: HashMap::new(),
            queue: VecDeque::new(),
            tickets: 0,
            outcomes: HashMap::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), stores_repeats }
    }

    /// How many follow a topic.
    pub(super) fn feeds(&self) -> usize {
        self.state.lock().topics.values().map(|log| log.feeds.len()).sum()
    }

    /// Messages are lost, announced or not; or all of them are.
    pub(super) fn lose(&self, topic: usize) {
        let mut state = self.state.lock();
        let (kind, count, new_head) = (
            state.random.random_range(0..4),
            state.random.random_range(1..5),
            state.random.random_range(0..12),
        );
        let life = state.new_life();
        let Some(log) = state.topics.get_mut(&topic) else { return };
        match kind {
            0 => log.head += count,
            1 => (log.head, log.epoch) = (new_head, life),
            // Nothing was lost in truth.
            2 => {}
            _ => {
                log.head += count;
                return;
            }
        }
        let (head, epoch, feeds) = (log.head, log.epoch.clone(), log.feeds.clone());
        drop(state);
        feeds.iter().for_each(|feed| feed.lost(head, epoch.clone()));
    }
}

impl State {
    fn new_life(&mut self) -> Epoch<'static> {
        self.lives += 1;
        Epoch::new(format!("life-{}", self.lives)).unwrap()
    }

    fn log(&mut self, topic: usize) -> &mut Log {
        let epoch = self.new_life();
        self.topics.entry(topic).or_insert_with(|| Log { head: 0, epoch, feeds: Vec::new() })
    }

    fn fate(&mut self) -> Fate {
        match self.random.random_range(0..100) {
            0..70 => Fate::Answered,
            70..78 => Fate::StoredInSilence,
            78..84 => Fate::Swallowed,
            84..92 => Fate::BrokenOff,
            _ => Fate::Refused,
        }
    }
}

/// Appends a message where its key is new, and gives it to everybody who follows.
fn append(state: &Mutex<State>, message: &Message, stores_repeats: bool) -> Outcome {
    let mut locked = state.lock();
    if let Some(place) = locked.stored.get(&message.key()).filter(|_| !stores_repeats) {
        return Outcome::Duplicate(place.clone());
    }
    let delivers_twice = locked.random.random_bool(0.05);
    let log = locked.log(topic_number(message.topic.as_str()));
    log.head += 1;
    let (seq_no, feeds) = (log.head, log.feeds.clone());
    locked.stored.insert(message.key(), Place { topic: Arc::new(message.topic.clone()), seq_no });
    drop(locked);
    for feed in feeds {
        feed.message(seq_no, &message.message_id, &message.data);
        if delivers_twice {
            feed.message(seq_no, &message.message_id, &message.data);
        }
    }
    Outcome::Stored(seq_no)
}

/// Everything that was handed over up to this ticket arrives, in order. What nobody waits for any
/// more arrives late.
fn work_off(state: &Mutex<State>, ticket: u64, stores_repeats: bool) {
    loop {
        let mut locked = state.lock();
        let Some((next, message, fate)) = locked.queue.pop_front_if(|(next, ..)| *next <= ticket)
        else {
            return;
        };
        drop(locked);
        if !matches!(fate, Fate::Refused | Fate::Swallowed) {
            let outcome = append(state, &message, stores_repeats);
            state.lock().outcomes.insert(next, outcome);
        }
    }
}

impl Backbone for Flaky {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        let (state, stores_repeats) = (self.state.clone(), self.stores_repeats);
        let (fate, there, back) = {
            let mut state = state.lock();
            (state.fate(), state.random.random_range(0..3), state.random.random_range(0..5))
        };
        let ticket = {
            let mut state = self.state.lock();
            state.tickets += 1;
            let ticket = state.tickets;
            state.queue.push_back((ticket, message, fate));
            ticket
        };
        async move {
            sleep(Duration::from_millis(there)).await;
            work_off(&state, ticket, stores_repeats);
            sleep(Duration::from_millis(back)).await;
            let outcome = state.lock().outcomes.remove(&ticket);
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
        feed: Arc<dyn Feed>,
    ) -> BoxFuture<'static, Result<(), Unavailable>> {
        let state = self.state.clone();
        async move {
            let (delay, is_away) = {
                let mut state = state.lock();
                (state.random.random_range(0..3), state.random.random_bool(0.1))
            };
            sleep(Duration::from_millis(delay)).await;
            if is_away {
                return Err(Unavailable);
            }
            let (head, epoch) = {
                let mut state = state.lock();
                let log = state.log(topic_number(topic.as_str()));
                log.feeds.push(feed.clone());
                (log.head, log.epoch.clone())
            };
            feed.begin(head, epoch);
            Ok(())
        }
        .boxed()
    }

    fn detach(&self, topic: &Name, feed: &Arc<dyn Feed>) {
        let mut state = self.state.lock();
        state
            .log(topic_number(topic.as_str()))
            .feeds
            .retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(feed)));
    }
}
