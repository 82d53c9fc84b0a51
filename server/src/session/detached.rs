//! Sessions without a connection, by the time at which they lost it. Their number and their
//! subscriptions are limited, for each user and in all; beyond a limit the oldest session is
//! dropped.

use super::Id;
use hub::{
    by_age::{ByAge, Sum},
    clock::Micros,
    slot::Slot,
};
use protocol::UserId;
use std::time::Duration;

/// How much is kept of sessions without a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long one lives without a connection.
    pub ttl: Duration,
    /// Their number.
    pub detached: usize,
    /// The number of their subscriptions, all together.
    pub subscriptions: usize,
    /// The number of one user's.
    pub detached_per_user: usize,
    /// The number of the subscriptions of one user's, all together.
    pub subscriptions_per_user: usize,
}

/// What one call of `expire_some` forgets at most: sessions and their subscriptions, counted alike.
pub(super) const SLICE: usize = 1024;

/// Names of sessions without a connection, each with its user; their weight is the number of their
/// subscriptions.
#[derive(Debug)]
pub(super) struct Detached {
    limits: Limits,
    sessions: ByAge<UserId<'static>, Id>,
    dropped: u64,
}

impl Detached {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, sessions: ByAge::default(), dropped: 0 }
    }

    /// How many there are, and how many subscriptions they have.
    pub(super) fn sum(&self) -> Sum {
        self.sessions.sum()
    }

    /// Sessions so far that a limit has dropped before they expired.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn insert(
        &mut self,
        user: &UserId<'static>,
        since: Micros,
        subscriptions: usize,
        id: Id,
    ) -> Slot {
        let weight = u32::try_from(subscriptions).unwrap_or(u32::MAX);
        self.sessions.insert(user, since, weight, id)
    }

    /// Takes out one that is there.
    pub(super) fn remove(&mut self, slot: Slot) -> Id {
        self.sessions.remove(slot)
    }

    /// Whether one that is there has lived for its time.
    pub(super) fn is_over(&self, slot: Slot, now: Micros) -> bool {
        self.has_expired(self.sessions.since(slot), now)
    }

    fn has_expired(&self, since: Micros, now: Micros) -> bool {
        since.after(self.limits.ttl) <= now
    }

    /// Takes out the oldest one if it has lived for its time.
    pub(super) fn pop_expired(&mut self, now: Micros) -> Option<Id> {
        let (slot, since, _) = self.sessions.oldest()?;
        self.has_expired(since, now).then(|| self.sessions.remove(slot))
    }

    /// Takes out the next one that is beyond a limit: first this user's oldest if it has more than
    /// a user's share, then the oldest of all.
    pub(super) fn pop_excess(&mut self, user: &UserId<'static>) -> Option<Id> {
        let Limits { detached, subscriptions, detached_per_user, subscriptions_per_user, .. } =
            self.limits;
        let share = Sum { count: detached_per_user, weight: subscriptions_per_user };
        let whole = Sum { count: detached, weight: subscriptions };
        let (slot, ..) = if self.sessions.sum_of(user).is_above(share) {
            self.sessions.oldest_of(user)?
        } else if self.sessions.sum().is_above(whole) {
            self.sessions.oldest()?
        } else {
            return None;
        };
        self.dropped += 1;
        Some(self.sessions.remove(slot))
    }
}
