//! The owners of topics: how many topics each has created, and how much memory their history takes.
//! Shares are counted per owner.

use dashmap::DashMap;
use std::sync::{
    Arc,
    atomic::{
        AtomicU16, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
};

/// The owner of a topic from its first subscription or publish until it is forgotten, even if only
/// others use it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A user, by its id. It has a share of the limits.
    User(&'a str),
    /// All backends together, for publishes over HTTP. Only the limit of all topics applies to
    /// them.
    Backends,
}

impl<'a> Owner<'a> {
    /// A user id is never empty.
    fn name(self) -> &'a str {
        match self {
            Self::User(name) => name,
            Self::Backends => "",
        }
    }
}

/// What an owner holds at this moment. Exists as long as the owner has a topic.
#[derive(Debug)]
pub(super) struct Account {
    name: Arc<str>,
    /// Unique among the accounts that exist.
    pub(super) number: u64,
    /// Topics that exist or are being created.
    topics: AtomicUsize,
    held: Held,
}

/// The memory that the history of an owner's topics takes, and the rank under which the owner is
/// listed for it.
#[derive(Debug, Default)]
struct Held {
    bytes: AtomicUsize,
    /// Changed only under the lock of the list.
    rank: AtomicU16,
}

/// Sizes in steps of an eighth of a power of two; 0: nothing.
pub(super) type Rank = u16;

/// The number of ranks from one power of two to the next.
const OCTAVE: Rank = 8;

fn rank(bytes: usize) -> Rank {
    let Some(log) = bytes.checked_ilog2() else { return 0 };
    let eighths = if log < 3 { bytes << (3 - log) } else { bytes >> (log - 3) } as Rank % OCTAVE;
    1 + OCTAVE * log as Rank + eighths
}

impl Account {
    /// How many topics exist or are being created.
    pub(super) fn topics(&self) -> usize {
        self.topics.load(Relaxed)
    }

    pub(super) fn is_of_a_user(&self) -> bool {
        !self.name.is_empty()
    }

    /// Bytes of memory that the history of its topics takes.
    pub(super) fn held(&self) -> usize {
        self.held.bytes.load(SeqCst)
    }

    /// The rank under which the owner is listed; 0: it is not listed.
    pub(super) fn listed_rank(&self) -> Rank {
        self.held.rank.load(SeqCst)
    }

    pub(super) fn rank(&self) -> Rank {
        rank(self.held())
    }

    /// Notes that the owner is listed under this rank from now on. [`Kept::rank`] calls this under
    /// the list's lock and then compares with [`Account::rank`] once more, and [`Account::count`]
    /// reads the listed rank after it has counted: so at least one of the two sees the other's
    /// change.
    ///
    /// [`Kept::rank`]: super::histories::Kept::rank
    pub(super) fn list_under(&self, rank: Rank) {
        self.held.rank.store(rank, SeqCst);
    }

    /// Counts a change of a topic's history. Returns whether the account has to be listed under
    /// another rank. An account that holds a little less than its rank says may stay listed there
    /// until it comes to the front.
    pub(super) fn count(&self, before: usize, after: usize) -> bool {
        let bytes = if after >= before {
            self.held.bytes.fetch_add(after - before, SeqCst) + (after - before)
        } else {
            self.held.bytes.fetch_sub(before - after, SeqCst) - (before - after)
        };
        let (listed, actual) = (self.listed_rank(), rank(bytes));
        actual > listed || actual + OCTAVE < listed || (actual == 0 && listed != 0)
    }
}

/// The accounts of all owners that have a topic.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_name: DashMap<Arc<str>, Arc<Account>, ahash::RandomState>,
    numbers: AtomicUsize,
}

impl Accounts {
    /// Adds one topic to this owner; returns how many it has now. [`Accounts::leave`] takes it
    /// back.
    pub(super) fn enter(&self, owner: Owner<'_>) -> (Arc<Account>, usize) {
        // Counted while the shard is locked, so that `leave` cannot forget the account meanwhile.
        let count =
            |account: &Arc<Account>| (account.clone(), account.topics.fetch_add(1, Relaxed) + 1);
        if let Some(known) = self.by_name.get(owner.name()) {
            return count(&known);
        }
        let name: Arc<str> = owner.name().into();
        let account = || {
            let number = self.numbers.fetch_add(1, Relaxed) as u64;
            Arc::new(Account {
                name: name.clone(),
                number,
                topics: AtomicUsize::new(0),
                held: Held::default(),
            })
        };
        count(&self.by_name.entry(name.clone()).or_insert_with(account))
    }

    /// Removes one topic. An owner without topics is forgotten.
    pub(super) fn leave(&self, account: &Account) {
        if account.topics.fetch_sub(1, Relaxed) == 1 {
            self.by_name.remove_if(&*account.name, |_, account| account.topics.load(Relaxed) == 0);
        }
    }

    /// Compares the accounts with the expected numbers of topics and bytes.
    #[cfg(test)]
    pub(super) fn audit(&self, expected: &std::collections::HashMap<u64, (usize, usize)>) {
        assert_eq!(self.len(), expected.len());
        for account in &self.by_name {
            assert_eq!((account.topics.load(Relaxed), account.held()), expected[&account.number]);
            let (listed, actual) = (account.listed_rank(), account.rank());
            assert!(listed >= actual && (actual == 0) == (listed == 0), "listed too low");
        }
    }

    /// How many owners have a topic.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The account of an owner that has a topic.
    pub(super) fn find(&self, owner: Owner<'_>) -> Option<Arc<Account>> {
        self.by_name.get(owner.name()).map(|account| account.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_rises_with_the_bytes_by_eighths() {
        let ranks: Vec<_> = (0..20).map(|shift| rank(1 << shift)).collect();
        assert_eq!(ranks, (0..20).map(|shift| 1 + 8 * shift).collect::<Vec<_>>());
        assert_eq!(rank(0), 0);
        let mut before = 0;
        for bytes in 1..100_000_usize {
            let now = rank(bytes);
            assert!(now >= before, "{bytes}");
            before = now;
        }
        assert_eq!((rank(1151), rank(1152), rank(2047), rank(2048)), (81, 82, 88, 89));
        assert_eq!(rank(usize::MAX), 512);
    }

    #[test]
    fn an_owner_is_known_while_it_has_a_topic() {
        let accounts = Accounts::default();
        let (first, one) = accounts.enter(Owner::User("u"));
        let (same, two) = accounts.enter(Owner::User("u"));
        assert!(Arc::ptr_eq(&first, &same) && (one, two) == (1, 2));
        let (backends, one) = accounts.enter(Owner::Backends);
        assert!(one == 1 && !backends.is_of_a_user() && first.is_of_a_user());
        accounts.leave(&first);
        assert_eq!(
            (accounts.find(Owner::User("u")).map(|account| account.topics()), accounts.len()),
            (Some(1), 2)
        );
        accounts.leave(&same);
        assert!(accounts.find(Owner::User("u")).is_none() && accounts.len() == 1);
        assert_ne!(accounts.enter(Owner::User("u")).0.number, first.number);
    }
}
