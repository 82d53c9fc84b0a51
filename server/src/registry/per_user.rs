//! `limits.max_connections_per_user`: how many connections that are set up each user has.
//!
//! Most users have one connection, so a user takes little here: a hash with a random key instead of
//! the name. Two users with the same hash would share their limit.

use ahash::RandomState;
use parking_lot::Mutex;
use protocol::UserId;
use std::collections::{HashMap, hash_map::Entry};

/// The connections of each user.
#[derive(Debug)]
pub(crate) struct PerUser {
    limit: usize,
    keys: RandomState,
    counts: Mutex<HashMap<u64, u32, RandomState>>,
}

impl PerUser {
    /// Up to `limit` of each user; 0: no limit, and nothing is counted.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, keys: RandomState::new(), counts: Mutex::default() }
    }

    /// Whether `user` may have one more.
    pub(crate) fn has_room(&self, user: &UserId<'_>) -> bool {
        self.limit == 0
            || self
                .counts
                .lock()
                .get(&self.key(user))
                .is_none_or(|count| (*count as usize) < self.limit)
    }

    /// Counts one more of `user`, to be given back by [`PerUser::leave`]. False: there are as many
    /// as there may be.
    pub(crate) fn enter(&self, user: &UserId<'_>) -> bool {
        if self.limit == 0 {
            return true;
        }
        let mut counts = self.counts.lock();
        let count = counts.entry(self.key(user)).or_default();
        let is_free = (*count as usize) < self.limit;
        *count += u32::from(is_free);
        is_free
    }

    /// One of `user` has ended.
    pub(crate) fn leave(&self, user: &UserId<'_>) {
        if self.limit > 0
            && let Entry::Occupied(mut entry) = self.counts.lock().entry(self.key(user))
        {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn key(&self, user: &UserId<'_>) -> u64 {
        self.keys.hash_one(user.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId<'_> {
        UserId::new(name).unwrap()
    }

    #[test]
    fn each_user_has_its_own_limit() {
        let users = PerUser::new(2);
        assert!(users.enter(&user("ann")) && users.enter(&user("ann")));
        assert!(!users.has_room(&user("ann")) && !users.enter(&user("ann")));
        assert!(users.has_room(&user("bob")) && users.enter(&user("bob")));
        users.leave(&user("ann"));
        assert!(
            users.enter(&user("ann")) && !users.enter(&user("ann")),
            "a refused one does not count"
        );
        for name in ["ann", "ann", "bob"] {
            users.leave(&user(name));
        }
        assert!(users.counts.lock().is_empty(), "users that are gone take no memory");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let users = PerUser::new(0);
        assert!((0..1000).all(|_| users.has_room(&user("ann")) && users.enter(&user("ann"))));
        assert!(users.counts.lock().is_empty());
        users.leave(&user("ann"));
    }
}
