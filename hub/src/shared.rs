//! What all topics of a directory share: which of them are idle, which have history, and which
//! owner holds how much of it.

use super::{
    directory::Limits,
    instruments::{Instruments, Observer, Sign},
    kept::Kept,
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

/// Idle topics that are looked at for the one that goes. If all of them were used since they were
/// listed, the next one goes, used since or not.
const LOOKS: usize = 128;

/// Topics that give some of their history in one go. Above the limit, each publish and each second
/// does as much.
const GIVEN: usize = 512;

#[derive(Debug)]
pub(super) struct Shared<S> {
    clock: Clock,
    pub(super) limits: Limits,
    /// Signs every message, where signing is on.
    pub(super) signer: Option<Arc<dyn Sign>>,
    observer: Option<Arc<dyn Observer>>,
    /// Topics that have a subscriber.
    pub(super) in_use: AtomicUsize,
    /// Topics that somebody fans out at this moment.
    pub(super) fanning_out: AtomicUsize,
    /// Bytes of memory that the history of all topics takes.
    history: AtomicUsize,
    /// Times that a topic gave some of its history because all history together was too much.
    given: AtomicU64,
    /// Held while topics are made to give.
    giving: Mutex<()>,
    /// Topics with neither subscriber nor history by when they were last used, each of its
    /// owner's. One that was used since it was listed without a change of that stands too far
    /// in front: that is found out, and put right, when it is looked at.
    ///
    /// This lock and the next one are taken inside of a topic's lock, never around it.
    pub(super) idle: Mutex<ByAge<u64, Arc<Topic<S>>>>,
    /// Topics with history.
    pub(super) kept: Mutex<Kept<S>>,
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
            kept: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Bytes of memory that the history of all topics takes.
    pub(super) fn history_bytes(&self) -> usize {
        self.history.load(Relaxed)
    }

    /// Times that a topic gave some of its history because all history together was too much.
    pub(super) fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// `messages` were handed to sockets; the oldest of them had been accepted at `since`.
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

    /// Retires the idle topic that has been unused for the longest: of this owner, or of all.
    pub(super) fn make_room(&self, of: Option<&Account>) -> Option<Arc<Topic<S>>> {
        for look in 0.. {
            let (since, topic) = self.longest_idle(of)?;
            if topic.retire(if look < LOOKS { since } else { Micros(u64::MAX) }) {
                return Some(topic);
            }
        }
        None
    }

    /// The idle topic that has been unused for the longest, of this owner or of all, and since when
    /// as far as is known: it may have been used since.
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
            self.kept.lock().rank(owner);
        }
    }

    /// Lets go of messages that have reached their age, in at most so many topics. True: there are
    /// more.
    pub(super) fn trim_aged(&self, topics: usize) -> bool {
        let now = self.now();
        for _ in 0..topics {
            let due = self.kept.lock().first_due(now);
            let Some(topic) = due else { return false };
            topic.trim(now);
        }
        true
    }

    /// While the history of all topics is over its limit: makes the owner that holds most give from
    /// its largest topics. True: it is still over its limit, and there is something to give.
    pub(super) fn trim_excess(&self) -> bool {
        if self.is_within() {
            return false;
        }
        // If another publish is at it, this one goes on: two at once would take too much.
        let Some(_alone) = self.giving.try_lock() else { return false };
        for _ in 0..GIVEN {
            let largest = self.kept.lock().largest();
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
