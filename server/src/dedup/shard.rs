//! A part of the claims under one lock: found by key in constant time, forgotten by age in constant
//! time.
//!
//! Each claim lies once in a slab, small: there are as many as there are publishes in the window. A
//! chain through the slab has all of them, oldest first; each user has a queue of the own ones that
//! count for the user's share. What time and limits forget is always the front of its user's queue.
//! A user's limit takes claims out of the chain's middle, so that one goes both ways.
//!
//! A claim that is older than the window is not found any more, whether or not it was forgotten
//! already.

use super::Place;
use crate::completion::{Completion, Operation};
use hashbrown::{HashMap, HashTable};
use hub::clock::Micros;
use protocol::MessageId;
use slab::Slab;
use std::{collections::VecDeque, hash::BuildHasher};

pub(super) type Index = u32;

/// No claim.
const NONE: Index = Index::MAX;

#[derive(Debug, Default)]
pub(super) struct Shard {
    claims: Slab<Claim>,
    by_key: HashTable<Index>,
    users: Slab<User>,
    by_name: HashTable<Index>,
    ends: Ends,
    /// Claims whose publish is under way.
    under_way: HashMap<Index, Operation, ahash::RandomState>,
    /// Claims that a limit has taken within their window.
    dropped: u64,
}

/// The chain's.
#[derive(Debug)]
struct Ends {
    oldest: Index,
    newest: Index,
}

impl Default for Ends {
    fn default() -> Self {
        Self { oldest: NONE, newest: NONE }
    }
}

#[derive(Debug)]
struct Claim {
    user: Index,
    older: Index,
    newer: Index,
    hash: u64,
    message_id: Box<str>,
    /// `None`: it is not known whether there is such a message.
    place: Option<Place>,
    time: Micros,
    /// It counts for its user's share.
    is_shared: bool,
}

#[derive(Debug)]
struct User {
    name: Box<str>,
    hash: u64,
    /// The user's claims that count for the user's share, oldest first.
    claims: VecDeque<Index>,
    /// Claims that do not.
    others: usize,
}

/// What to look for: hashed once, before the lock is taken.
#[derive(Debug)]
pub(super) struct Key<'a> {
    user: &'a str,
    message_id: &'a str,
    /// Of the user: decides on the shard too.
    pub(super) user_hash: u64,
    /// Of both.
    hash: u64,
}

impl<'a> Key<'a> {
    pub(super) fn new(
        hasher: &impl BuildHasher,
        user: &'a str,
        message_id: &'a MessageId<'_>,
    ) -> Self {
        let (user_hash, message_id) = (hasher.hash_one(user), message_id.as_str());
        Self { user, message_id, user_hash, hash: hasher.hash_one((user_hash, message_id)) }
    }
}

impl Shard {
    /// The claim of this key that was made at or after `since`.
    pub(super) fn find(&self, key: &Key<'_>, since: Micros) -> Option<Index> {
        let same = |&index: &Index| {
            let claim = &self.claims[index as usize];
            claim.hash == key.hash
                && claim.time >= since
                && *claim.message_id == *key.message_id
                && *self.users[claim.user as usize].name == *key.user
        };
        self.by_key.find(key.hash, same).copied()
    }

    fn find_user(&self, key: &Key<'_>) -> Option<Index> {
        self.by_name
            .find(key.user_hash, |&index| *self.users[index as usize].name == *key.user)
            .copied()
    }

    /// The place of the claim's message, as far as that is known.
    pub(super) fn place(&self, claim: Index) -> Option<&Place> {
        self.claims[claim as usize].place.as_ref()
    }

    /// The end of the claim's publish, if one is under way.
    pub(super) fn completion(&self, claim: Index) -> Option<Completion> {
        self.under_way.get(&claim).map(Operation::completion)
    }

    /// A publish for this claim is under way.
    pub(super) fn begin(&mut self, claim: Index) {
        self.under_way.insert(claim, Operation::default());
    }

    /// It has ended: tasks that wait for that go on.
    pub(super) fn settle(&mut self, claim: Index, place: Option<Place>) {
        self.claims[claim as usize].place = place;
        self.under_way.remove(&claim);
    }

    /// Adds a claim that is not there yet. If it counts for its user's share, the user may have
    /// `share` of them: returns how many of the user's oldest were forgotten for it; those made
    /// at or after `since` are dropped before their time. It counts as no older
    /// than the newest: a publish that looked at the clock first may come second.
    pub(super) fn insert(
        &mut self,
        key: &Key<'_>,
        share: Option<usize>,
        place: Option<Place>,
        time: Micros,
        since: Micros,
    ) -> (Index, usize) {
        let known = self.find_user(key);
        let forgotten =
            known.zip(share).map_or(0, |(user, share)| self.make_room(user, share, since));
        // Forgetting the last claim of a user forgets the user.
        let known = known.filter(|&user| self.users.contains(user as usize));
        let user = known.unwrap_or_else(|| self.add_user(key));
        let older = self.ends.newest;
        let time = self.claims.get(older as usize).map_or(time, |newest| newest.time.max(time));
        let claim = Claim {
            user,
            older,
            newer: NONE,
            hash: key.hash,
            message_id: key.message_id.into(),
            place,
            time,
            is_shared: share.is_some(),
        };
        let index = self.claims.insert(claim) as Index;
        self.ends.newest = index;
        match self.claims.get_mut(older as usize) {
            Some(older) => older.newer = index,
            None => self.ends.oldest = index,
        }
        let user = &mut self.users[user as usize];
        match share {
            Some(_) => user.claims.push_back(index),
            None => user.others += 1,
        }
        let claims = &self.claims;
        self.by_key.insert_unique(key.hash, index, |&other| claims[other as usize].hash);
        (index, forgotten)
    }

    fn add_user(&mut self, key: &Key<'_>) -> Index {
        let user =
            User { name: key.user.into(), hash: key.user_hash, claims: VecDeque::new(), others: 0 };
        let index = self.users.insert(user) as Index;
        let users = &self.users;
        self.by_name.insert_unique(key.user_hash, index, |&other| users[other as usize].hash);
        index
    }

    /// When the oldest claim was made.
    pub(super) fn oldest(&self) -> Option<Micros> {
        self.claims.get(self.ends.oldest as usize).map(|claim| claim.time)
    }

    /// Claims so far that a limit has taken within their window.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets the claims made before `time`, at most so many; returns how many.
    pub(super) fn forget_before(&mut self, time: Micros, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most && self.oldest().is_some_and(|oldest| oldest < time) {
            forgotten += self.forget(self.ends.oldest);
        }
        forgotten
    }

    /// Forgets the oldest claim for the limit of all claims; returns how many that were.
    pub(super) fn forget_oldest(&mut self, since: Micros) -> usize {
        if self.claims.is_empty() { 0 } else { self.take(self.ends.oldest, since) }
    }

    /// Forgets the user's oldest claims until there is room for one more; returns how many.
    fn make_room(&mut self, user: Index, share: usize, since: Micros) -> usize {
        let excess = (self.users[user as usize].claims.len() + 1).saturating_sub(share);
        let oldest = |this: &Self| this.users.get(user as usize)?.claims.front().copied();
        (0..excess).map_while(|_| oldest(self).map(|claim| self.take(claim, since))).sum()
    }

    /// Forgets this claim for a limit.
    fn take(&mut self, index: Index, since: Micros) -> usize {
        self.dropped += u64::from(self.claims[index as usize].time >= since);
        self.forget(index)
    }

    /// Forgets this claim. In constant time if it is its user's oldest, and in little more if it is
    /// one of the newest.
    pub(super) fn forget(&mut self, index: Index) -> usize {
        let Claim { user, older, newer, hash, is_shared, .. } = self.claims.remove(index as usize);
        let own = &mut self.users[user as usize];
        if !is_shared {
            own.others -= 1;
        } else if own.claims.front() == Some(&index) {
            own.claims.pop_front();
        } else {
            let place = own.claims.iter().rposition(|&other| other == index);
            place.and_then(|place| own.claims.remove(place));
        }
        if own.claims.is_empty() && own.others == 0 {
            let gone = self.users.remove(user as usize);
            remove(&mut self.by_name, gone.hash, user);
        }
        match self.claims.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => self.ends.oldest = newer,
        }
        match self.claims.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => self.ends.newest = older,
        }
        remove(&mut self.by_key, hash, index);
        self.under_way.remove(&index);
        1
    }
}

fn remove(table: &mut HashTable<Index>, hash: u64, index: Index) {
    if let Ok(entry) = table.find_entry(hash, |&found| found == index) {
        entry.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_small() {
        assert!(size_of::<Claim>() <= 64, "{}", size_of::<Claim>());
    }
}
