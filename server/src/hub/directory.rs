//! Which topics exist. A topic comes into being by its first subscriber or publish. With neither subscriber nor history it is
//! remembered for a while, so that its numbering goes on; at the limit the one unused for the longest goes first.

use super::{
    history,
    shared::Shared,
    topic::{Attachment, Name, Retired, Sink, Topic},
};
use crate::{
    clock::{Clock, Micros},
    metrics::Meter,
    signing::Signer,
};
use dashmap::DashMap;
use protocol::Epoch;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// What the directory allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Topics that exist at the same time.
    pub max_topics: usize,
    /// How long a topic with neither subscriber nor history is remembered.
    pub meta_ttl: Duration,
    /// Bytes that a topic may lag before its publishers have to wait.
    pub topic_backlog: usize,
    /// Bytes of memory that the history of all topics may take.
    pub history_bytes: usize,
}

/// What is kept of a topic, by its name.
pub type HistoryRules = Box<dyn Fn(&Name) -> history::Limits + Send + Sync>;

/// What messages meet on their way.
#[derive(Debug, Clone, Default)]
pub struct Instruments {
    /// Signs every message, where signing is on.
    pub signer: Option<Arc<Signer>>,
    /// Counts deliveries.
    pub meter: Arc<Meter>,
}

/// There is no room for another topic.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway has {0} topics, all of them in use")]
pub struct TooManyTopics(pub usize);

/// All topics of one gateway.
pub struct Directory<S> {
    limits: Limits,
    topics: DashMap<Box<str>, Arc<Topic<S>>, ahash::RandomState>,
    /// Existing topics and those about to exist.
    count: AtomicUsize,
    shared: Arc<Shared<S>>,
    new_epoch: fn() -> Epoch<'static>,
    history: HistoryRules,
}

impl<S> fmt::Debug for Directory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("limits", &self.limits).field("topics", &self.topics.len()).finish_non_exhaustive()
    }
}

impl<S: Sink> Directory<S> {
    /// An empty directory. `new_epoch` names a topic's life: a fresh, unguessable name each time.
    pub fn new(limits: Limits, history: HistoryRules, clock: Clock, new_epoch: fn() -> Epoch<'static>, instruments: Instruments) -> Self {
        let shared = Arc::new(Shared::new(clock, limits, instruments));
        Self { limits, topics: DashMap::default(), count: AtomicUsize::new(0), shared, new_epoch, history }
    }

    /// Topics that have at least one subscriber.
    #[must_use]
    pub fn topics_in_use(&self) -> usize {
        self.shared.in_use.load(Relaxed)
    }

    /// Topics that somebody fans out at this moment: messages that were acked are on their way.
    #[must_use]
    pub fn topics_fanning_out(&self) -> usize {
        self.shared.fanning_out.load(Relaxed)
    }

    /// Bytes of memory that the history of all topics takes.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.shared.history_bytes()
    }

    /// Topics that exist.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// No topic exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Does `act` on the topic of this name, which is made where there is none. `last` is where the caller keeps the topic that
    /// it used last: most stay with one.
    ///
    /// # Errors
    /// [`TooManyTopics`] where there is no room for a new one.
    pub fn with<T>(
        &self,
        name: &protocol::Topic<'_>,
        last: &mut Option<Arc<Topic<S>>>,
        mut act: impl FnMut(&Arc<Topic<S>>) -> Result<T, Retired>,
    ) -> Result<T, TooManyTopics> {
        loop {
            let topic = match last.take().filter(|topic| **topic.name() == *name) {
                Some(topic) => topic,
                None => self.topic(name)?,
            };
            if let Ok(done) = act(&topic) {
                *last = Some(topic);
                return Ok(done);
            }
        }
    }

    fn topic(&self, name: &protocol::Topic<'_>) -> Result<Arc<Topic<S>>, TooManyTopics> {
        if let Some(found) = self.topics.get(name.as_str()) {
            return Ok(found.clone());
        }
        self.insert(name, |name| {
            let history = (self.history)(&name);
            Topic::new(name, (self.new_epoch)(), history, self.shared.clone())
        })
    }

    /// The topic of this name; `make` makes it where there is none.
    fn insert(&self, name: &protocol::Topic<'_>, make: impl FnOnce(Name) -> Topic<S>) -> Result<Arc<Topic<S>>, TooManyTopics> {
        self.reserve()?;
        let mut made = false;
        let make = || {
            made = true;
            Arc::new(make(name.clone().into_owned()))
        };
        let topic = self.topics.entry(name.as_str().into()).or_insert_with(make).clone();
        if made {
            self.shared.list_idle(&topic);
        } else {
            self.count.fetch_sub(1, Relaxed);
        }
        Ok(topic)
    }

    /// The topic of this name, where it exists.
    pub fn find(&self, name: &protocol::Topic<'_>) -> Option<Arc<Topic<S>>> {
        self.topics.get(name.as_str()).map(|found| found.clone())
    }

    /// Why there could be no further topic now.
    pub(crate) fn limit_reached(&self) -> Option<TooManyTopics> {
        (self.count.load(Relaxed) >= self.limits.max_topics).then_some(TooManyTopics(self.limits.max_topics))
    }

    /// Takes over a topic whose log begins behind `head` of `epoch`; `attachment` is dropped with it. Gives the one that exists
    /// where it does.
    ///
    /// # Errors
    /// [`TooManyTopics`]
    pub fn adopt(
        &self,
        name: &protocol::Topic<'_>,
        head: u64,
        epoch: Epoch<'static>,
        attachment: Attachment,
    ) -> Result<Arc<Topic<S>>, TooManyTopics> {
        self.insert(name, |name| {
            let history = (self.history)(&name);
            Topic::following(name, head, epoch, attachment, history, self.shared.clone())
        })
    }

    /// Makes room for one more topic.
    fn reserve(&self) -> Result<(), TooManyTopics> {
        if self.count.fetch_add(1, Relaxed) < self.limits.max_topics || self.forget_oldest(self.shared.now()) {
            return Ok(());
        }
        self.count.fetch_sub(1, Relaxed);
        Err(TooManyTopics(self.limits.max_topics))
    }

    /// Lets go of messages that have reached their age, and forgets the topics that nobody has used for `meta_ttl`. Returns how
    /// many topics that were.
    pub fn expire(&self) -> usize {
        self.shared.trim_aged();
        let ttl = Micros::default().after(self.limits.meta_ttl);
        let Some(before) = self.shared.now().0.checked_sub(ttl.0).map(Micros) else { return 0 };
        let mut forgotten = 0;
        while self.forget_oldest(before) {
            forgotten += 1;
        }
        forgotten
    }

    fn forget_oldest(&self, before: Micros) -> bool {
        let Some(retired) = self.shared.retire_oldest(before) else { return false };
        self.topics.remove_if(retired.name().as_str(), |_, found| Arc::ptr_eq(found, &retired));
        self.count.fetch_sub(1, Relaxed);
        true
    }
}
