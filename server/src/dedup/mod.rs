//! Deduplication: which user published which message id, and what became of it.
//!
//! A claim and the publish that it is for are one step under the lock of the publisher's shard, so
//! two at once get exactly one `ok`, and a publish that fails leaves no claim. Claims go by age:
//! after the window, or the oldest first where a user's or the gateway's limit is reached. A user's
//! claims lie in one shard, so that the user's limit is exact.

mod lease;
mod shard;

use crate::completion::Completion;
use hub::{
    clock::{Clock, Micros},
    topic::Name,
};
pub(crate) use lease::Lease;
use parking_lot::{Mutex, MutexGuard};
use protocol::MessageId;
use shard::{Key, Shard};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a message id is remembered.
    pub window: Duration,
    /// Message ids of all users together.
    pub max_keys: usize,
    /// Message ids of one user.
    pub max_keys_per_user: usize,
}

/// A message's topic and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its topic.
    pub topic: Arc<Name>,
    /// Its number in it.
    pub seq_no: u64,
}

/// Whose limits a claim counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The user's, and that of all claims.
    ForUser,
    /// That of all claims only: a backend's. It takes nothing of the share of the user whose
    /// message id it is.
    ForAll,
}

/// What became of a claim.
#[derive(Debug)]
pub(crate) enum Claim<T> {
    /// The first of its message id: what the publish gave.
    First(T),
    /// A repeat: the place of the first message.
    Duplicate(Place),
    /// Another publish of the message id runs: claim again when it is complete.
    UnderWay(Completion),
}

/// Few enough to look at all of them when the oldest claim of all is wanted, enough for all cores.
const SHARDS: usize = 16;

/// Claims older than the window that a publish forgets on its way: more than the one that it adds.
/// The rest waits for [`Dedup::expire_some`].
const ON_THE_WAY: usize = 4;

/// Claims of one shard that [`Dedup::expire_some`] forgets.
const SLICE: usize = 256;

/// The claims of all users.
#[derive(Debug)]
pub(crate) struct Dedup {
    limits: Limits,
    clock: Clock,
    hasher: ahash::RandomState,
    shards: [Mutex<Shard>; SHARDS],
    keys: AtomicUsize,
}

impl Dedup {
    /// Remembers nothing yet.
    #[must_use]
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            limits,
            clock,
            hasher: hasher(),
            shards: std::array::from_fn(|_| Mutex::default()),
            keys: AtomicUsize::new(0),
        }
    }

    /// Message ids that are remembered.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// The time of the clock that it goes by.
    #[must_use]
    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Nothing is remembered.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Claims so far that a limit has taken before the window was over.
    #[must_use]
    pub(crate) fn dropped(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().dropped()).sum()
    }

    /// The age of the oldest claim that is remembered.
    #[must_use]
    pub(crate) fn oldest(&self) -> Duration {
        let oldest = self.shards.iter().filter_map(|shard| shard.lock().oldest()).min();
        oldest.map_or(Duration::ZERO, |oldest| {
            Duration::from_micros(self.clock.now().0.saturating_sub(oldest.0))
        })
    }

    /// Publishes once, `now`: `publish` is called if `user` has not used `message_id` within the
    /// window, under the lock of the user's shard. It gives its result, and the place to remember.
    /// If the place is not known yet, it is the result's to tell: see [`Dedup::lease`].
    ///
    /// # Errors
    /// What `publish` gives. Then nothing is remembered.
    pub(crate) fn claim<T, E>(
        &self,
        user: &str,
        counted: Counted,
        message_id: &MessageId<'_>,
        now: Micros,
        publish: impl FnOnce() -> Result<(T, Option<Place>), E>,
    ) -> Result<Claim<T>, E> {
        let key = Key::new(&self.hasher, user, message_id);
        let mut shard = self.shard(&key);
        let since = self.window_start(now);
        self.keys.fetch_sub(shard.forget_before(since, ON_THE_WAY), Relaxed);
        let found = shard.find(&key, since);
        if let Some(claim) = found {
            if let Some(place) = shard.place(claim) {
                return Ok(Claim::Duplicate(place.clone()));
            }
            if let Some(completion) = shard.completion(claim) {
                return Ok(Claim::UnderWay(completion));
            }
        }
        let (result, place) = publish()?;
        let is_under_way = place.is_none();
        let (claim, is_over) = match found {
            // Of a publish whose fate is unknown.
            Some(claim) => (claim, false),
            None => self.insert(&mut shard, &key, counted, place, now),
        };
        if is_under_way {
            shard.begin(claim);
        }
        drop(shard);
        if is_over {
            self.forget_oldest(since);
        }
        Ok(Claim::First(result))
    }

    /// True: there is one more than there may be.
    fn insert(
        &self,
        shard: &mut Shard,
        key: &Key<'_>,
        counted: Counted,
        place: Option<Place>,
        now: Micros,
    ) -> (shard::Index, bool) {
        let share = (counted == Counted::ForUser).then_some(self.limits.max_keys_per_user);
        let (claim, forgotten) = shard.insert(key, share, place, now, self.window_start(now));
        self.keys.fetch_sub(forgotten, Relaxed);
        // Counted before another task can forget it.
        (claim, self.keys.fetch_add(1, Relaxed) >= self.limits.max_keys)
    }

    fn shard(&self, key: &Key<'_>) -> MutexGuard<'_, Shard> {
        // Not by the lowest bits, by which the shard's own table goes.
        self.shards[(key.user_hash >> 32) as usize % SHARDS].lock()
    }

    /// Forgets some claims that are older than the window: a bounded piece of work, so that the
    /// caller can let others run. True: there are more.
    pub(crate) fn expire_some(&self) -> bool {
        let since = self.window_start(self.clock.now());
        let mut more = false;
        for shard in &self.shards {
            let forgotten = shard.lock().forget_before(since, SLICE);
            self.keys.fetch_sub(forgotten, Relaxed);
            more |= forgotten == SLICE;
        }
        more
    }

    /// Claims made before this moment are as good as forgotten.
    fn window_start(&self, now: Micros) -> Micros {
        now.before(self.limits.window)
    }

    fn forget_oldest(&self, since: Micros) {
        let oldest = self
            .shards
            .iter()
            .filter_map(|shard| Some((shard.lock().oldest()?, shard)))
            .min_by_key(|(time, _)| *time);
        if let Some((_, shard)) = oldest {
            let mut shard = shard.lock();
            self.keys.fetch_sub(shard.forget_oldest(since), Relaxed);
        }
    }
}

/// Fixed in tests: the shard of a user decides in which order publishes wake that wait for claims
/// which expire at one moment, and a simulated schedule leaves nothing to chance.
fn hasher() -> ahash::RandomState {
    if cfg!(test) { ahash::RandomState::with_seeds(1, 2, 3, 4) } else { ahash::RandomState::new() }
}

#[cfg(test)]
mod tests;
