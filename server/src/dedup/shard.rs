//! A part of the claims under one lock: found by key in constant time, forgotten by age in constant time.
//!
//! Each claim lies once in a slab. A chain through the slab has all of them, oldest first; each user has a queue of the own
//! ones. What is forgotten is always the front of its user's queue: time and limits both take the oldest. A user's limit takes
//! claims out of the chain's middle, so that one goes both ways.

use super::Place;
use crate::clock::Micros;
use hashbrown::{HashMap, HashTable};
use protocol::MessageId;
use slab::Slab;
use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hash, Hasher},
};

type Index = u32;

#[derive(Debug, Default)]
pub(super) struct Shard {
    claims: Slab<Claim>,
    by_key: HashTable<Index>,
    users: Slab<User>,
    by_name: HashMap<Box<str>, Index, ahash::RandomState>,
    oldest: Option<Index>,
    newest: Option<Index>,
}

#[derive(Debug)]
struct Claim {
    user: Index,
    message_id: Box<str>,
    hash: u64,
    place: Place,
    time: Micros,
    older: Option<Index>,
    newer: Option<Index>,
}

#[derive(Debug)]
struct User {
    name: Box<str>,
    /// The user's claims, oldest first.
    claims: VecDeque<Index>,
}

/// What to look for.
#[derive(Debug)]
pub(super) struct Key {
    hash: u64,
    user: Option<Index>,
}

impl Shard {
    pub(super) fn key(&self, hasher: &impl BuildHasher, user: &str, message_id: &MessageId<'_>) -> Key {
        let mut state = hasher.build_hasher();
        user.hash(&mut state);
        message_id.hash(&mut state);
        Key { hash: state.finish(), user: self.by_name.get(user).copied() }
    }

    pub(super) fn find(&self, key: &Key, message_id: &MessageId<'_>) -> Option<&Place> {
        let user = key.user?;
        let same = |&index: &Index| {
            let claim = &self.claims[index as usize];
            claim.user == user && *claim.message_id == *message_id.as_str()
        };
        self.by_key.find(key.hash, same).map(|&index| &self.claims[index as usize].place)
    }

    /// Adds a claim that is not there yet and is not older than any other.
    pub(super) fn insert(&mut self, key: &Key, user: &str, message_id: &MessageId<'_>, place: Place, time: Micros) {
        let user = self.user(user);
        let claim = Claim { user, message_id: message_id.as_str().into(), hash: key.hash, place, time, older: self.newest, newer: None };
        let index = self.claims.insert(claim) as Index;
        match self.newest.replace(index) {
            Some(before) => self.claims[before as usize].newer = Some(index),
            None => self.oldest = Some(index),
        }
        self.users[user as usize].claims.push_back(index);
        let claims = &self.claims;
        self.by_key.insert_unique(key.hash, index, |&other| claims[other as usize].hash);
    }

    fn user(&mut self, user: &str) -> Index {
        if let Some(&found) = self.by_name.get(user) {
            return found;
        }
        let index = self.users.insert(User { name: user.into(), claims: VecDeque::new() }) as Index;
        self.by_name.insert(user.into(), index);
        index
    }

    /// When the oldest claim was made.
    pub(super) fn oldest(&self) -> Option<Micros> {
        self.oldest.map(|index| self.claims[index as usize].time)
    }

    /// Forgets the claims made before `time`; returns how many.
    pub(super) fn forget_before(&mut self, time: Micros) -> usize {
        let mut forgotten = 0;
        while self.oldest().is_some_and(|oldest| oldest < time) {
            forgotten += self.forget_oldest();
        }
        forgotten
    }

    /// Forgets the oldest claim; returns how many that were.
    pub(super) fn forget_oldest(&mut self) -> usize {
        self.oldest.map_or(0, |index| self.forget_first_of(self.claims[index as usize].user))
    }

    /// Forgets the user's oldest claims until there is room for one more; returns how many.
    pub(super) fn make_room_for_user(&mut self, user: &str, limit: usize) -> usize {
        let Some(&user) = self.by_name.get(user) else { return 0 };
        let excess = (self.users[user as usize].claims.len() + 1).saturating_sub(limit);
        (0..excess).map(|_| self.forget_first_of(user)).sum()
    }

    fn forget_first_of(&mut self, user: Index) -> usize {
        let Some(index) = self.users[user as usize].claims.pop_front() else { return 0 };
        if self.users[user as usize].claims.is_empty() {
            let User { name, .. } = self.users.remove(user as usize);
            self.by_name.remove(&name);
        }
        let claim = self.claims.remove(index as usize);
        match claim.older {
            Some(older) => self.claims[older as usize].newer = claim.newer,
            None => self.oldest = claim.newer,
        }
        match claim.newer {
            Some(newer) => self.claims[newer as usize].older = claim.older,
            None => self.newest = claim.older,
        }
        if let Ok(entry) = self.by_key.find_entry(claim.hash, |&found| found == index) {
            entry.remove();
        }
        1
    }
}
