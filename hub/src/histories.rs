//! Topics with history: which topic has to be trimmed next, which owner holds most, and which of an
//! owner's topics are the largest.
//!
//! Sizes are counted coarsely here, so that a publish changes a list only if its topic or its owner
//! has grown considerably: a topic is listed in the class of the power of two that its memory has
//! reached, an owner under its [`Rank`]. A topic or owner that has shrunk a little may be listed
//! too high: that is corrected when it comes to the front.

use super::{
    owner::{Account, Rank},
    topic::Topic,
};
use crate::{by_age::ByAge, clock::Micros, slot::Slot};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The power of two that a size has reached; 0: nothing is kept. Topics of a few messages all have
/// the same class.
pub(super) type Class = u8;

/// The power of two of the lowest class.
const SMALLEST: u32 = 11;

/// The class of a history that takes `bytes` of memory.
pub(super) fn class(bytes: usize) -> Class {
    bytes.checked_ilog2().map_or(0, |log| log.max(SMALLEST) as Class)
}

/// Owners that are compared to find the one that holds most. If more than these hold about the
/// most, one of the compared owners is taken.
const LOOKS: usize = 16;

#[derive(Debug)]
pub(super) struct Histories<S> {
    /// By the number of the owner's account and the class, in the order of the time since which a
    /// topic is listed there.
    by_size: ByAge<(u64, Class), Entry<S>>,
    /// A topic is listed under the moment at which its oldest message reaches its age, or under an
    /// earlier one.
    by_due: BTreeSet<(Micros, Slot)>,
    by_rank: BTreeMap<(Rank, u64), Arc<Account>>,
}

#[derive(Debug)]
struct Entry<S> {
    topic: Arc<Topic<S>>,
    due: Micros,
}

impl<S> Default for Histories<S> {
    fn default() -> Self {
        Self { by_size: ByAge::default(), by_due: BTreeSet::new(), by_rank: BTreeMap::new() }
    }
}

impl<S> Histories<S> {
    /// Lists a topic of this owner whose history has begun at `now`.
    pub(super) fn insert(
        &mut self,
        topic: Arc<Topic<S>>,
        owner: u64,
        class: Class,
        due: Micros,
        now: Micros,
    ) -> Slot {
        let slot = self.by_size.insert(&(owner, class), now, 0, Entry { topic, due });
        self.by_due.insert((due, slot));
        slot
    }

    /// Removes a listed topic.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Entry { due, .. } = self.by_size.remove(slot);
        self.by_due.remove(&(due, slot));
    }

    /// Moves a listed topic of this owner to this class, at `now`.
    pub(super) fn set_class(&mut self, slot: Slot, owner: u64, class: Class, now: Micros) {
        self.by_size.pass_on(slot, &(owner, class), now);
    }

    /// Sets the moment at which the oldest message of a listed topic reaches its age.
    pub(super) fn set_due(&mut self, slot: Slot, due: Micros) {
        let before = std::mem::replace(&mut self.by_size.get_mut(slot).due, due);
        self.by_due.remove(&(before, slot));
        self.by_due.insert((due, slot));
    }

    /// Lists an owner under the rank of the memory that it holds now.
    pub(super) fn rank(&mut self, account: &Arc<Account>) {
        loop {
            let (listed, actual) = (account.listed_rank(), account.rank());
            if listed == actual {
                return;
            }
            self.by_rank.remove(&(listed, account.number));
            if actual > 0 {
                self.by_rank.insert((actual, account.number), account.clone());
            }
            account.list_under(actual);
        }
    }

    /// The topic that has to be trimmed first, if it is due.
    pub(super) fn first_due(&self, now: Micros) -> Option<Arc<Topic<S>>> {
        let (due, slot) = self.by_due.first()?;
        (*due <= now).then(|| self.by_size.get(*slot).topic.clone())
    }

    /// One of the largest topics of the owner that holds most: the one that has been so for the
    /// longest. It may have shrunk since.
    pub(super) fn largest(&mut self) -> Option<Arc<Topic<S>>> {
        let owner = self.holds_most()?;
        // No topic is larger than all of its owner's topics together, and none is listed more than
        // one class above its own.
        let (number, highest) = (owner.number, class(owner.held()) + 1);
        let (.., entry) =
            (0..=highest).rev().find_map(|class| self.by_size.oldest_of(&(number, class)))?;
        Some(entry.topic.clone())
    }

    /// The owner that holds most.
    fn holds_most(&mut self) -> Option<&Arc<Account>> {
        for _ in 0..LOOKS {
            let (_, first) = self.by_rank.last_key_value()?;
            if first.rank() >= first.listed_rank() {
                break;
            }
            let first = first.clone();
            self.rank(&first);
        }
        let ((highest, _), _) = self.by_rank.last_key_value()?;
        self.by_rank
            .range((*highest, 0)..)
            .take(LOOKS)
            .map(|(_, account)| account)
            .max_by_key(|account| account.held())
    }

    /// Bytes that the owner holds that holds most.
    pub(super) fn most_held(&mut self) -> usize {
        self.holds_most().map_or(0, |account| account.held())
    }

    /// How many topics and owners are listed. Checks that each of them is once in each list.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        let topics = self.by_size.sum().count;
        assert_eq!(self.by_due.len(), topics);
        (topics, self.by_rank.len())
    }
}
