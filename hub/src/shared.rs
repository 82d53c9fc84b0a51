//! The state that all topics of a directory share: which topics are idle, which have history, and
//! how much of it each owner holds.

use super::{
    directory::Limits,
    histories::Histories,
    instruments::{Instruments, Observer, Sign},
    owner::Account,
    topic::{Sink, Topic},
};
use crate::{
    by_age::ByAge,
    clock::{Clock, Micros},
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// Idle topics that are examined to find the one that is forgotten. If all of them were used since
/// they were listed, the next one is forgotten, used or not.
const LOOKS: usize = 128;

/// Topics that give up some of their history at once. While the history is above its limit, each
/// publish and each second gives as much.
const GIVEN: usize = 512;

#[derive(Debug)]
pub(super) struct Shared<S> {
    clock: Clock,
    pub(super) limits: Limits,
    /// Signs every message; `None`: messages are not signed.
    pub(super) signer: Option<Arc<dyn Sign>>,
    observer: Option<Arc<dyn Observer>>,
    /// How many topics have a subscriber.
    pub(super) in_use: AtomicUsize,
    /// How many topics are being fanned out at this moment.
    pub(super) fanning_out: AtomicUsize,
    /// Bytes of memory that the history of all topics takes.
    history: AtomicUsize,
    /// How often a topic has given up some of its history because the history of all topics was
    /// above its limit.
    given: AtomicU64,
    /// Held while topics give up history.
    giving: Mutex<()>,
    /// Topics with neither subscriber nor history, by the time of their last use, all together and
    /// per owner. A topic that was used since it was listed, and is idle again, is listed too far
    /// in front: that is corrected when it is examined.
    ///
    /// This lock and the next one are taken while a topic's lock is held, never the reverse.
    pub(super) idle: Mutex<ByAge<u64, Arc<Topic<S>>>>,
    /// Topics with history.
    pub(super) histories: Mutex<Histories<S>>,
}

impl<S: Sink> Shared<S> {
    pub(super) fn new(
        clock: Clock,
        limits: Limits,
        Instruments { signer, observer }: Instruments,
    ) -> Self {
        Self {
            clock,
            limits,
            signer,
            observer,
            in_use: AtomicUsize::new(0),
            fanning_out: AtomicUsize::new(0),
            history: AtomicUsize::new(0),
            given: AtomicU64::new(0),
            giving: Mutex::default(),
            idle: Mutex::default(),
            histories: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Bytes of memory that the history of all topics takes.
    pub(super) fn history_bytes(&self) -> usize {
        self.history.load(Relaxed)
    }

    /// How often a topic has given up some of its history because the history of all topics was
    /// above its limit.
    pub(super) fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// Counts `messages` that were handed to sinks; the oldest of them had been accepted at
    /// `since`.
    pub(super) fn count_deliveries(&self, messages: u64, since: Micros) {
        if let Some(observer) = &self.observer
            && messages > 0
        {
            observer.count_deliveries(
                messages,
                Duration::from_micros(self.now().0.saturating_sub(since.0)),
            );
        }
    }

    /// Retires the idle topic that has been unused for the longest, of this owner or of all.
    pub(super) fn make_room(&self, of: Option<&Account>) -> Option<Arc<Topic<S>>> {
        for look in 0.. {
            let (since, topic) = self.longest_idle(of)?;
            if topic.retire(if look < LOOKS { since } else { Micros(u64::MAX) }) {
                return Some(topic);
            }
        }
        None
    }

    /// The idle topic that has been unused for the longest, of this owner or of all, and the time
    /// of its last use as far as the list knows: it may have been used since.
    pub(super) fn longest_idle(&self, of: Option<&Account>) -> Option<(Micros, Arc<Topic<S>>)> {
        let idle = self.idle.lock();
        let oldest = match of {
            Some(account) => idle.oldest_of(&account.number),
            None => idle.oldest(),
        };
        oldest.map(|(_, since, topic)| (since, topic.clone()))
    }

    /// Counts a change of a topic's history.
    pub(super) fn account(&self, owner: &Arc<Account>, before: usize, after: usize) {
        if after >= before {
            self.history.fetch_add(after - before, Relaxed);
        } else {
            self.history.fetch_sub(before - after, Relaxed);
        }
        if owner.count(before, after) {
            self.histories.lock().rank(owner);
        }
    }

    /// Drops messages that have reached their age, of at most `topics` topics. Returns whether more
    /// of them are left.
    pub(super) fn trim_aged(&self, topics: usize) -> bool {
        let now = self.now();
        for _ in 0..topics {
            let due = self.histories.lock().first_due(now);
            let Some(topic) = due else { return false };
            topic.trim(now);
        }
        true
    }

    /// While the history of all topics is above its limit: makes the owner that holds most give up
    /// history of its largest topics. Returns whether the history is still above the limit and can
    /// be reduced.
    pub(super) fn trim_excess(&self) -> bool {
        if self.is_within() {
            return false;
        }
        // If another publish is doing it, this one returns: two at once would drop too much.
        let Some(_alone) = self.giving.try_lock() else { return false };
        for _ in 0..GIVEN {
            let largest = self.histories.lock().largest();
            let Some(topic) = largest else { return false };
            if topic.give() {
                self.given.fetch_add(1, Relaxed);
            }
            if self.is_within() {
                return false;
            }
        }
        true
    }

    fn is_within(&self) -> bool {
        self.history_bytes() <= self.limits.history_bytes
    }
}
