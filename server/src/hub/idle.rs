//! What all topics of a directory share, above all the list of idle ones: those without a subscriber, the one unused for the
//! longest first.
//!
//! A topic stands in the list once, under the time at which it was listed. It may have been used since, which costs the list
//! nothing: that is found out, and put right, when the entry comes to the front.

use super::topic::{Sink, Topic};
use crate::{
    clock::{Clock, Micros},
    signing::Signer,
};
use parking_lot::Mutex;
use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

#[derive(Debug)]
pub(super) struct Shared<S> {
    clock: Clock,
    /// Bytes that a topic may lag before its publishers have to wait.
    pub(super) backlog_limit: usize,
    /// Signs every message, where signing is on.
    pub(super) signer: Option<Arc<Signer>>,
    /// Topics that have a subscriber.
    pub(super) in_use: AtomicUsize,
    idle: Mutex<BinaryHeap<Reverse<Idle<S>>>>,
    listed: AtomicU64,
}

#[derive(Debug)]
struct Idle<S> {
    since: Micros,
    /// Decides between equal times: who was listed first.
    number: u64,
    topic: Arc<Topic<S>>,
}

impl<S> Idle<S> {
    fn key(&self) -> (Micros, u64) {
        (self.since, self.number)
    }
}
impl<S> PartialEq for Idle<S> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<S> Eq for Idle<S> {}
impl<S> PartialOrd for Idle<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<S> Ord for Idle<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<S: Sink> Shared<S> {
    pub(super) fn new(clock: Clock, backlog_limit: usize, signer: Option<Arc<Signer>>) -> Self {
        Self { clock, backlog_limit, signer, in_use: AtomicUsize::new(0), idle: Mutex::default(), listed: AtomicU64::new(0) }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Lists a topic that is idle, or may be.
    pub(super) fn list(&self, topic: &Arc<Topic<S>>) {
        if !topic.listed.swap(true, Relaxed) {
            self.push(&mut self.idle.lock(), topic.clone());
        }
    }

    fn push(&self, idle: &mut BinaryHeap<Reverse<Idle<S>>>, topic: Arc<Topic<S>>) {
        let number = self.listed.fetch_add(1, Relaxed);
        idle.push(Reverse(Idle { since: topic.idle_since(), number, topic }));
    }

    /// Retires the topic that has been unused for the longest, where that began at or before `before`.
    pub(super) fn retire_oldest(&self, before: Micros) -> Option<Arc<Topic<S>>> {
        let mut idle = self.idle.lock();
        while idle.peek().is_some_and(|Reverse(first)| first.since <= before) {
            let Reverse(Idle { since, topic, .. }) = idle.pop()?;
            if topic.retire(since) {
                return Some(topic);
            }
            topic.listed.store(false, Relaxed);
            if topic.subscribers() == 0 && !topic.listed.swap(true, Relaxed) {
                self.push(&mut idle, topic);
            }
        }
        None
    }
}
