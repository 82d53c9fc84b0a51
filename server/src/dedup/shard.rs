//! A part of the claims under one lock: found by key in constant time, forgotten by age in constant time.
//!
//! Each claim lies once in a slab. A chain through the slab has all of them, oldest first; each user has a queue of the own
//! ones. What time and limits forget is always the front of its user's queue. A user's limit takes claims out of the chain's
//! middle, so that one goes both ways.

use super::Place;
use crate::{
    clock::Micros,
    ending::{Ending, UnderWay},
};
use hashbrown::{HashMap, HashTable};
use protocol::MessageId;
use slab::Slab;
use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hash, Hasher},
};

pub(super) type Index = u32;

#[derive(Debug, Default)]
pub(super) struct Shard {
    claims: Slab<Claim>,
    by_key: HashTable<Index>,
    users: Slab<User>,
    by_name: HashMap<Box<str>, Index, ahash::RandomState>,
    oldest: Option<Index>,
    newest: Option<Index>,
    /// Claims whose publish is under way.
    under_way: HashMap<Index, UnderWay, ahash::RandomState>,
}

#[derive(Debug)]
struct Claim {
    user: Index,
    message_id: Box<str>,
    hash: u64,
    /// `None`: it is not known whether there is such a message.
    place: Option<Place>,
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

    pub(super) fn find(&self, key: &Key, message_id: &MessageId<'_>) -> Option<Index> {
        let user = key.user?;
        let same = |&index: &Index| {
            let claim = &self.claims[index as usize];
            claim.user == user && *claim.message_id == *message_id.as_str()
        };
        self.by_key.find(key.hash, same).copied()
    }

    /// Where the claim's message stands, as far as that is known.
    pub(super) fn place(&self, claim: Index) -> Option<&Place> {
        self.claims[claim as usize].place.as_ref()
    }

    /// The end of the claim's publish, where one is under way.
    pub(super) fn fate(&self, claim: Index) -> Option<Ending> {
        self.under_way.get(&claim).map(UnderWay::ending)
    }

    /// A publish for this claim is under way.
    pub(super) fn begin(&mut self, claim: Index) {
        self.under_way.insert(claim, UnderWay::default());
    }

    /// It has ended; whoever waits may look.
    pub(super) fn settle(&mut self, claim: Index, place: Option<Place>) {
        self.claims[claim as usize].place = place;
        self.under_way.remove(&claim);
    }

    /// Adds a claim that is not there yet and is not older than any other.
    pub(super) fn insert(&mut self, key: &Key, user: &str, message_id: &MessageId<'_>, place: Option<Place>, time: Micros) -> Index {
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
        index
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
        self.users[user as usize].claims.front().copied().map_or(0, |index| self.forget(index))
    }

    /// Forgets this claim. In constant time where it is its user's oldest or newest.
    pub(super) fn forget(&mut self, index: Index) -> usize {
        let claim = self.claims.remove(index as usize);
        let own = &mut self.users[claim.user as usize].claims;
        match (own.front(), own.back()) {
            (Some(&first), _) if first == index => drop(own.pop_front()),
            (_, Some(&last)) if last == index => drop(own.pop_back()),
            _ => own.retain(|&other| other != index),
        }
        if own.is_empty() {
            let User { name, .. } = self.users.remove(claim.user as usize);
            self.by_name.remove(&name);
        }
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
        self.under_way.remove(&index);
        1
    }
}
