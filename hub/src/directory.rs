//! The topics that exist, and their owners. A topic is created by its first subscriber or publish,
//! and belongs to that user until it is forgotten. A topic with neither subscriber nor history is
//! remembered for a while, so that its numbering continues. At a limit, the topic that has been
//! unused for the longest is forgotten: of the same owner at the owner's share, of all owners at
//! the limit of all topics.

use super::{
    history,
    owner::{Account, Accounts, Owner},
    shared::Shared,
    topic::{Attachment, Head, Name, Retired, Sink, Topic},
};
use crate::{
    clock::{Clock, Micros},
    instruments::Instruments,
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

/// The limits of a directory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Topics that exist at the same time.
    pub max_topics: usize,
    /// Topics that one user has created and that exist at the same time.
    pub max_topics_per_user: usize,
    /// How long a topic with neither subscriber nor history is remembered.
    pub meta_ttl: Duration,
    /// Bytes that a topic's fan-out may lag before its publishers have to wait.
    pub topic_backlog: usize,
    /// Bytes of memory that the history of all topics may take.
    pub history_bytes: usize,
}

/// The history limits of a topic, by its name.
pub type HistoryRules = Box<dyn Fn(&Name) -> history::Limits + Send + Sync>;

/// There is no room for another topic.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyTopics {
    /// The limit of all topics, which is reached.
    #[error(
        "the gateway has {0} topics, and each of them has a subscriber or messages: try again later"
    )]
    OfAll(usize),
    /// This user's share, which is reached.
    #[error(
        "you have brought {0} topics into being, which is a user's share, and each of them has a subscriber or messages: \
         end subscriptions to them, or try again later"
    )]
    OfUser(usize),
}

/// Entries of each kind that one call of [`Directory::expire_some`] looks at: less than a
/// millisecond of work.
const SLICE: usize = 256;

/// All topics of one gateway.
pub struct Directory<S> {
    limits: Limits,
    topics: DashMap<Box<str>, Arc<Topic<S>>, ahash::RandomState>,
    /// Topics that exist or are being created.
    count: AtomicUsize,
    accounts: Accounts,
    shared: Arc<Shared<S>>,
    new_epoch: fn() -> Epoch<'static>,
    history: HistoryRules,
}

impl<S> fmt::Debug for Directory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("limits", &self.limits)
            .field("topics", &self.topics.len())
            .finish_non_exhaustive()
    }
}

impl<S: Sink> Directory<S> {
    /// An empty directory. `new_epoch` names the life of a topic's numbering: it gives a fresh,
    /// unguessable name at each call.
    pub fn new(
        limits: Limits,
        history: HistoryRules,
        clock: Clock,
        new_epoch: fn() -> Epoch<'static>,
        instruments: Instruments,
    ) -> Self {
        let shared = Arc::new(Shared::new(clock, limits, instruments));
        Self {
            limits,
            topics: DashMap::default(),
            count: AtomicUsize::new(0),
            accounts: Accounts::default(),
            shared,
            new_epoch,
            history,
        }
    }

    /// How many topics have at least one subscriber.
    #[must_use]
    pub fn topics_in_use(&self) -> usize {
        self.shared.in_use.load(Relaxed)
    }

    /// How many topics are being fanned out at this moment: acked messages are on their way.
    #[must_use]
    pub fn topics_fanning_out(&self) -> usize {
        self.shared.fanning_out.load(Relaxed)
    }

    /// Bytes of memory that the history of all topics takes.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.shared.history_bytes()
    }

    /// Bytes of memory that the history of one owner's topics takes, for the owner that holds most.
    #[must_use]
    pub fn history_of_one(&self) -> usize {
        self.shared.histories.lock().most_held()
    }

    /// How often a topic has lost a part of its history because the history of all topics was above
    /// its limit.
    #[must_use]
    pub fn history_given(&self) -> u64 {
        self.shared.given()
    }

    /// How many owners have a topic.
    #[must_use]
    pub fn owners(&self) -> usize {
        self.accounts.len()
    }

    /// How many topics exist.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether no topic exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Calls `act` with the topic of this name. If it does not exist, it is created and belongs to
    /// `owner`. In `last` the caller keeps the topic that it used last: most callers use one topic
    /// only.
    ///
    /// # Errors
    /// [`TooManyTopics`]: the topic does not exist, and a limit is reached.
    pub fn with<T>(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        last: &mut Option<Arc<Topic<S>>>,
        mut act: impl FnMut(&Arc<Topic<S>>) -> Result<T, Retired>,
    ) -> Result<T, TooManyTopics> {
        loop {
            let (topic, made) = match last.take().filter(|topic| **topic.name() == *name) {
                Some(topic) => (topic, false),
                None => self.topic(name, owner)?,
            };
            let done = act(&topic);
            if made {
                topic.list_new();
            }
            if let Ok(done) = done {
                *last = Some(topic);
                return Ok(done);
            }
        }
    }

    /// The topic, and whether it is new: then the caller has to list it after its first use.
    fn topic(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
    ) -> Result<(Arc<Topic<S>>, bool), TooManyTopics> {
        if let Some(found) = self.topics.get(name.as_str()) {
            return Ok((found.clone(), false));
        }
        self.insert(name, owner, |name, account| {
            let history = (self.history)(&name);
            Topic::new(name, account, (self.new_epoch)(), history, self.shared.clone())
        })
    }

    /// The topic of this name; if it does not exist, `make` creates it. Also returns whether it was
    /// created.
    fn insert(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        make: impl FnOnce(Name, Arc<Account>) -> Topic<S>,
    ) -> Result<(Arc<Topic<S>>, bool), TooManyTopics> {
        let account = self.reserve(owner)?;
        let mut made = false;
        let make = || {
            made = true;
            Arc::new(make(name.clone().into_owned(), account.clone()))
        };
        let topic = self.topics.entry(name.as_str().into()).or_insert_with(make).clone();
        if !made {
            self.release(&account);
        }
        Ok((topic, made))
    }

    /// The topic of this name, if it exists.
    pub fn find(&self, name: &protocol::Topic<'_>) -> Option<Arc<Topic<S>>> {
        self.topics.get(name.as_str()).map(|found| found.clone())
    }

    /// The limit that keeps this owner from creating another topic now.
    pub fn limit_reached(&self, owner: Owner<'_>) -> Option<TooManyTopics> {
        let Limits { max_topics, max_topics_per_user, .. } = self.limits;
        let account = self
            .accounts
            .find(owner)
            .filter(|account| account.is_of_a_user() && account.topics() >= max_topics_per_user);
        let idle = self.shared.idle.lock();
        if account.is_some_and(|account| idle.oldest_of(&account.number).is_none()) {
            return Some(TooManyTopics::OfUser(max_topics_per_user));
        }
        let is_full = self.count.load(Relaxed) >= max_topics && idle.oldest().is_none();
        is_full.then_some(TooManyTopics::OfAll(max_topics))
    }

    /// Adds a topic that follows a shared log from `head` on; `attachment` is dropped when the
    /// topic is forgotten. Returns the existing topic if the name has one.
    ///
    /// # Errors
    /// [`TooManyTopics`]
    pub fn adopt(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        head: Head<'_>,
        attachment: Attachment,
    ) -> Result<Arc<Topic<S>>, TooManyTopics> {
        let (topic, made) = self.insert(name, owner, |name, account| {
            let history = (self.history)(&name);
            Topic::following(name, account, head, attachment, history, self.shared.clone())
        })?;
        if made {
            topic.list_new();
        }
        Ok(topic)
    }

    /// Reserves room for one more topic of this owner.
    fn reserve(&self, owner: Owner<'_>) -> Result<Arc<Account>, TooManyTopics> {
        let Limits { max_topics, max_topics_per_user, .. } = self.limits;
        let (account, topics) = self.accounts.enter(owner);
        if account.is_of_a_user() && topics > max_topics_per_user && !self.make_room(Some(&account))
        {
            self.accounts.leave(&account);
            return Err(TooManyTopics::OfUser(max_topics_per_user));
        }
        if self.count.fetch_add(1, Relaxed) >= max_topics && !self.make_room(None) {
            self.release(&account);
            return Err(TooManyTopics::OfAll(max_topics));
        }
        Ok(account)
    }

    /// Gives back what [`Directory::reserve`] has reserved.
    fn release(&self, account: &Account) {
        self.count.fetch_sub(1, Relaxed);
        self.accounts.leave(account);
    }

    /// Forgets the idle topic that has been unused for the longest, of this owner or of all.
    /// Returns whether such a topic existed.
    fn make_room(&self, of: Option<&Account>) -> bool {
        self.shared.make_room(of).map(|retired| self.forget(&retired)).is_some()
    }

    /// Drops some messages that have reached their age or exceed the limit of all topics, and
    /// forgets some topics that were unused for `meta_ttl`. The amount of work is bounded, so that
    /// the caller can yield between calls. Returns whether more is left.
    pub fn expire_some(&self) -> bool {
        let aged = self.shared.trim_aged(SLICE);
        let excess = self.shared.trim_excess();
        self.forget_unused() || aged || excess
    }

    fn forget_unused(&self) -> bool {
        let ttl = Micros::default().after(self.limits.meta_ttl);
        let Some(before) = self.shared.now().0.checked_sub(ttl.0).map(Micros) else { return false };
        for _ in 0..SLICE {
            let longest = self.shared.longest_idle(None).filter(|(since, _)| *since <= before);
            let Some((since, topic)) = longest else { return false };
            if topic.retire(since) {
                self.forget(&topic);
            }
        }
        true
    }

    fn forget(&self, retired: &Arc<Topic<S>>) {
        self.topics.remove_if(retired.name().as_str(), |_, found| Arc::ptr_eq(found, retired));
        self.release(retired.owner());
    }

    /// Compares the lists with the actual state of topics and owners. Only valid while no operation
    /// is running.
    #[cfg(test)]
    pub(super) fn audit(&self) {
        let (mut idle, mut kept, mut held) =
            (0, 0, std::collections::HashMap::<u64, (usize, usize)>::new());
        for topic in &self.topics {
            let listing = topic.audit();
            idle += usize::from(listing.is_idle);
            kept += usize::from(listing.is_kept);
            let of_owner = held.entry(topic.owner().number).or_default();
            *of_owner = (of_owner.0 + 1, of_owner.1 + listing.bytes);
        }
        assert_eq!(self.shared.idle.lock().sum().count, idle);
        assert_eq!(
            self.shared.histories.lock().lengths(),
            (kept, held.values().filter(|(_, bytes)| *bytes > 0).count())
        );
        assert_eq!(self.count.load(Relaxed), self.topics.len());
        assert_eq!(self.history_bytes(), held.values().map(|(_, bytes)| bytes).sum::<usize>());
        self.accounts.audit(&held);
    }

    /// Each topic's name, the number of its owner, and the memory of its history.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<(String, u64, usize)> {
        self.topics
            .iter()
            .map(|topic| (topic.key().to_string(), topic.owner().number, topic.audit().bytes))
            .collect()
    }
}
