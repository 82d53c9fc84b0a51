//! Entries in the order of their age, all together and per owner. The oldest entry of all and an
//! owner's oldest entry are found in constant time, and any entry is removed in constant time.
//!
//! Each entry is stored once, in a slab. Two chains lead through it, the oldest entry first: one of
//! all entries, one of its owner's.

use crate::{clock::Micros, slot::Slot};
use hashbrown::HashTable;
use slab::Slab;
use std::{fmt, hash::Hash};

/// How many younger entries are passed over to find an entry's place. The youngest entry passes
/// over none. Beyond this number the entry is placed further behind than its age says: it is found
/// later, never earlier.
const WALK: usize = 128;

/// Selects one of the two chains.
#[derive(Clone, Copy)]
enum Order {
    All = 0,
    Own = 1,
}

/// Entries by age. Each has an owner and a weight.
pub struct ByAge<K, T> {
    entries: Slab<Entry<T>>,
    all: Chain,
    weight: usize,
    owners: Slab<Owner<K>>,
    by_key: HashTable<Slot>,
    hasher: ahash::RandomState,
}

struct Entry<T> {
    item: T,
    since: Micros,
    weight: u32,
    owner: Slot,
    links: [Links; 2],
}

#[derive(Default, Clone, Copy)]
struct Links {
    older: Option<Slot>,
    newer: Option<Slot>,
}

#[derive(Default, Clone, Copy)]
struct Chain {
    oldest: Option<Slot>,
    newest: Option<Slot>,
}

struct Owner<K> {
    key: K,
    hash: u64,
    chain: Chain,
    sum: Sum,
}

/// A number of entries and the sum of their weights.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// The number of entries.
    pub count: usize,
    /// The sum of their weights.
    pub weight: usize,
}

impl Sum {
    /// Whether either part is above that of `limit`.
    #[must_use]
    pub fn is_above(self, limit: Self) -> bool {
        self.count > limit.count || self.weight > limit.weight
    }
}

impl<K, T> Default for ByAge<K, T> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            all: Chain::default(),
            weight: 0,
            owners: Slab::new(),
            by_key: HashTable::new(),
            hasher: ahash::RandomState::new(),
        }
    }
}

impl<K, T> fmt::Debug for ByAge<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByAge")
            .field("entries", &self.entries.len())
            .field("owners", &self.owners.len())
            .finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash, T> ByAge<K, T> {
    /// Adds `item` with its age, behind all entries that are as old or older.
    pub fn insert(&mut self, key: &K, since: Micros, weight: u32, item: T) -> Slot {
        let owner = self.find_or_add(key);
        let slot = Slot::new(self.entries.insert(Entry {
            item,
            since,
            weight,
            owner,
            links: [Links::default(); 2],
        }));
        self.link(slot);
        slot
    }

    /// Removes an existing entry.
    pub fn remove(&mut self, slot: Slot) -> T {
        self.unlink(slot);
        self.entries.remove(slot.index()).item
    }

    /// Gives an existing entry to this owner, with another age.
    pub fn pass_on(&mut self, slot: Slot, key: &K, since: Micros) {
        self.unlink(slot);
        let owner = self.find_or_add(key);
        let entry = &mut self.entries[slot.index()];
        (entry.owner, entry.since) = (owner, since);
        self.link(slot);
    }

    fn link(&mut self, slot: Slot) {
        let Entry { owner, weight, .. } = self.entries[slot.index()];
        let Owner { chain, sum, .. } = &mut self.owners[owner.index()];
        link(&mut self.entries, &mut self.all, Order::All, slot);
        link(&mut self.entries, chain, Order::Own, slot);
        sum.count += 1;
        sum.weight += weight as usize;
        self.weight += weight as usize;
    }

    /// Takes an entry out of both chains. An owner whose last entry it was is forgotten.
    fn unlink(&mut self, slot: Slot) {
        let Entry { owner, weight, .. } = self.entries[slot.index()];
        let Owner { chain, sum, .. } = &mut self.owners[owner.index()];
        unlink(&mut self.entries, &mut self.all, Order::All, slot);
        unlink(&mut self.entries, chain, Order::Own, slot);
        sum.count -= 1;
        sum.weight -= weight as usize;
        self.weight -= weight as usize;
        if sum.count == 0 {
            self.remove_owner(owner);
        }
    }

    /// The oldest entry of all, and the moment from which its age counts.
    pub fn oldest(&self) -> Option<(Slot, Micros, &T)> {
        self.all.oldest.map(|slot| self.entry(slot))
    }

    /// The owner's oldest entry.
    pub fn oldest_of(&self, key: &K) -> Option<(Slot, Micros, &T)> {
        let owner = self.find(key)?;
        self.owners[owner.index()].chain.oldest.map(|slot| self.entry(slot))
    }

    /// All entries together.
    pub fn sum(&self) -> Sum {
        Sum { count: self.entries.len(), weight: self.weight }
    }

    /// All entries of this owner together.
    pub fn sum_of(&self, key: &K) -> Sum {
        self.find(key).map_or(Sum::default(), |owner| self.owners[owner.index()].sum)
    }

    /// An existing entry.
    pub fn get(&self, slot: Slot) -> &T {
        &self.entries[slot.index()].item
    }

    /// An existing entry.
    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.entries[slot.index()].item
    }

    /// The moment from which an existing entry's age counts.
    pub fn since(&self, slot: Slot) -> Micros {
        self.entries[slot.index()].since
    }

    fn entry(&self, slot: Slot) -> (Slot, Micros, &T) {
        let Entry { since, item, .. } = &self.entries[slot.index()];
        (slot, *since, item)
    }

    fn find(&self, key: &K) -> Option<Slot> {
        self.by_key
            .find(self.hasher.hash_one(key), |owner| self.owners[owner.index()].key == *key)
            .copied()
    }

    fn find_or_add(&mut self, key: &K) -> Slot {
        if let Some(known) = self.find(key) {
            return known;
        }
        let hash = self.hasher.hash_one(key);
        let owner = Owner { key: key.clone(), hash, chain: Chain::default(), sum: Sum::default() };
        let slot = Slot::new(self.owners.insert(owner));
        let owners = &self.owners;
        self.by_key.insert_unique(hash, slot, |other| owners[other.index()].hash);
        slot
    }

    fn remove_owner(&mut self, slot: Slot) {
        let gone = self.owners.remove(slot.index());
        if let Ok(found) = self.by_key.find_entry(gone.hash, |other| *other == slot) {
            found.remove();
        }
    }
}

fn link<T>(entries: &mut Slab<Entry<T>>, chain: &mut Chain, order: Order, slot: Slot) {
    let (since, order) = (entries[slot.index()].since, order as usize);
    let mut older = chain.newest;
    for _ in 0..WALK {
        match older {
            Some(younger) if entries[younger.index()].since > since => {
                older = entries[younger.index()].links[order].older
            }
            _ => break,
        }
    }
    let newer = match older {
        Some(older) => entries[older.index()].links[order].newer.replace(slot),
        None => chain.oldest.replace(slot),
    };
    match newer {
        Some(newer) => entries[newer.index()].links[order].older = Some(slot),
        None => chain.newest = Some(slot),
    }
    entries[slot.index()].links[order] = Links { older, newer };
}

fn unlink<T>(entries: &mut Slab<Entry<T>>, chain: &mut Chain, order: Order, slot: Slot) {
    let order = order as usize;
    let Links { older, newer } = entries[slot.index()].links[order];
    match older {
        Some(older) => entries[older.index()].links[order].newer = newer,
        None => chain.oldest = newer,
    }
    match newer {
        Some(newer) => entries[newer.index()].links[order].older = older,
        None => chain.newest = older,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Action {
        Insert { owner: u8, since: u64, weight: u32 },
        Remove(prop::sample::Index),
        PassOn(prop::sample::Index, u8, u64),
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            3 => (0..4u8, 0..20u64, 0..5u32).prop_map(|(owner, since, weight)| Action::Insert { owner, since, weight }),
            2 => any::<prop::sample::Index>().prop_map(Action::Remove),
            1 => (any::<prop::sample::Index>(), 0..4u8, 0..20u64).prop_map(|(index, owner, since)| Action::PassOn(index, owner, since)),
        ]
    }

    fn view(found: Option<(Slot, Micros, &usize)>) -> Option<(u64, usize)> {
        found.map(|(_, since, item)| (since.0, *item))
    }

    proptest! {
        /// Compares with a list that is sorted anew each time.
        #[test]
        fn the_same_as_a_sorted_list(actions in prop::collection::vec(action(), 1..100)) {
            let (mut by_age, mut list) = (ByAge::default(), Vec::new());
            for (item, action) in actions.into_iter().enumerate() {
                match action {
                    Action::Insert { owner, since, weight } => {
                        let slot = by_age.insert(&owner, Micros(since), weight, item);
                        list.push((since, item, owner, weight, slot));
                    }
                    Action::Remove(index) if !list.is_empty() => {
                        let gone = list.remove(index.index(list.len()));
                        prop_assert_eq!((by_age.since(gone.4), by_age.remove(gone.4)), (Micros(gone.0), gone.1));
                    }
                    Action::PassOn(index, owner, since) if !list.is_empty() => {
                        let (_, item, _, weight, slot) = list.remove(index.index(list.len()));
                        by_age.pass_on(slot, &owner, Micros(since));
                        prop_assert_eq!(*by_age.get(slot), item);
                        list.push((since, item, owner, weight, slot));
                    }
                    Action::Remove(_) | Action::PassOn(..) => {}
                }
                // Stable: of two entries of the same age the one that came first stays in front.
                list.sort_by_key(|entry| entry.0);
                prop_assert_eq!(view(by_age.oldest()), list.first().map(|entry| (entry.0, entry.1)));
                let weight = |owner: Option<u8>| -> Sum {
                    let of = list.iter().filter(|entry| owner.is_none_or(|owner| entry.2 == owner));
                    of.fold(Sum::default(), |sum, entry| Sum { count: sum.count + 1, weight: sum.weight + entry.3 as usize })
                };
                prop_assert_eq!(by_age.sum(), weight(None));
                for owner in 0..4 {
                    let oldest = list.iter().find(|entry| entry.2 == owner).map(|entry| (entry.0, entry.1));
                    prop_assert_eq!(view(by_age.oldest_of(&owner)), oldest);
                    prop_assert_eq!(by_age.sum_of(&owner), weight(Some(owner)));
                }
            }
            for (_, item, _, _, slot) in list {
                prop_assert_eq!(by_age.remove(slot), item);
            }
            prop_assert!(by_age.owners.is_empty() && by_age.by_key.is_empty(), "an owner without entries is forgotten");
        }
    }

    #[test]
    fn an_entry_that_comes_late_passes_over_a_bounded_number() {
        let mut by_age = ByAge::default();
        for since in 1..=10 * WALK as u64 {
            by_age.insert(&0, Micros(since), 0, since);
        }
        by_age.insert(&0, Micros(0), 0, 0);
        let mut order = Vec::new();
        while let Some((slot, ..)) = by_age.oldest() {
            order.push(by_age.remove(slot));
        }
        assert_eq!(
            order.iter().position(|&since| since == 0),
            Some(9 * WALK),
            "later than its age says, and there"
        );
    }

    #[test]
    fn an_entry_is_small() {
        assert!(
            size_of::<Entry<std::sync::Arc<()>>>() <= 40,
            "{}",
            size_of::<Entry<std::sync::Arc<()>>>()
        );
    }
}
