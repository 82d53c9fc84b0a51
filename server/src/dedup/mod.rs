//! Deduplication (I2): who published which message id, and what became of it.
//!
//! A claim and the publish that it is for are one step under the lock of the publisher's shard, so two at once get exactly one
//! `ok`, and a publish that fails leaves no claim. Claims go by age: after the window, or the oldest first where a user's or
//! the gateway's limit is reached. A user's claims lie in one shard, so that the user's limit is exact.

mod lease;
mod shard;

use crate::{
    clock::{Clock, Micros},
    hub::topic::Name,
};
pub use lease::{Lease, Leased};
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
pub struct Limits {
    /// How long a message id is remembered.
    pub window: Duration,
    /// Message ids of all users together.
    pub max_keys: usize,
    /// Message ids of one user.
    pub max_keys_per_user: usize,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its topic.
    pub topic: Arc<Name>,
    /// Its number in it.
    pub seq_no: u64,
}

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim<T> {
    /// The first of its message id: what the publish gave.
    First(T),
    /// A repeat: where the first one stands.
    Duplicate(Place),
}

/// Few enough to look at all of them when the oldest claim of all is wanted, enough for all cores.
const SHARDS: usize = 16;

/// The claims of all users.
#[derive(Debug)]
pub struct Dedup {
    limits: Limits,
    clock: Clock,
    hasher: ahash::RandomState,
    shards: [Mutex<Shard>; SHARDS],
    keys: AtomicUsize,
}

impl Dedup {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            limits,
            clock,
            hasher: ahash::RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            keys: AtomicUsize::new(0),
        }
    }

    /// Message ids that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Publishes once, `now`: `publish` is called where `user` has not used `message_id` within the window, under the lock of the
    /// user's shard. It gives its result, and the place to remember.
    ///
    /// # Errors
    /// What `publish` gives. Then nothing is remembered.
    pub fn once<T, E>(
        &self,
        user: &str,
        message_id: &MessageId<'_>,
        now: Micros,
        publish: impl FnOnce() -> Result<(T, Place), E>,
    ) -> Result<Claim<T>, E> {
        let key = Key::new(&self.hasher, user, message_id);
        let mut shard = self.shard(&key);
        self.keys.fetch_sub(shard.forget_before(self.window_start(now)), Relaxed);
        if let Some(place) = shard.find(&key).and_then(|claim| shard.place(claim)) {
            return Ok(Claim::Duplicate(place.clone()));
        }
        let (result, place) = publish()?;
        let (_, is_over) = self.insert(&mut shard, &key, Some(place), now);
        drop(shard);
        if is_over {
            self.forget_oldest();
        }
        Ok(Claim::First(result))
    }

    /// True: there is one more than there may be.
    fn insert(&self, shard: &mut Shard, key: &Key<'_>, place: Option<Place>, now: Micros) -> (shard::Index, bool) {
        let (index, forgotten) = shard.insert(key, self.limits.max_keys_per_user, place, now);
        self.keys.fetch_sub(forgotten, Relaxed);
        // Counted before anybody else can forget it.
        (index, self.keys.fetch_add(1, Relaxed) >= self.limits.max_keys)
    }

    fn shard(&self, key: &Key<'_>) -> MutexGuard<'_, Shard> {
        // Not by the lowest bits, by which the shard's own table goes.
        self.shards[(key.user_hash >> 32) as usize % SHARDS].lock()
    }

    /// Forgets what is older than the window. For quiet times: every claim does it for its own shard.
    pub fn expire(&self) {
        let before = self.window_start(self.clock.now());
        for shard in &self.shards {
            let mut shard = shard.lock();
            self.keys.fetch_sub(shard.forget_before(before), Relaxed);
        }
    }

    /// Claims made before this moment are forgotten.
    fn window_start(&self, now: Micros) -> Micros {
        Micros(now.0.saturating_sub(Micros::default().after(self.limits.window).0))
    }

    fn forget_oldest(&self) {
        let oldest = self.shards.iter().filter_map(|shard| Some((shard.lock().oldest()?, shard))).min_by_key(|(time, _)| *time);
        if let Some((_, shard)) = oldest {
            let mut shard = shard.lock();
            self.keys.fetch_sub(shard.forget_oldest(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
