//! What all topics of a directory share: which of them are idle, whose history is due to be trimmed, and how much memory all
//! history takes.
//!
//! Both schedules are lazy. A topic stands in one under the time at which it was listed; it may have been used since, which
//! costs nothing: that is found out, and put right, when the entry comes to the front.

use super::{
    directory::{Instruments, Limits},
    schedule::Schedule,
    topic::{Sink, Topic},
};
use crate::{
    clock::{Clock, Micros},
    metrics::Meter,
    signing::Signer,
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

#[derive(Debug)]
pub(super) struct Shared<S> {
    clock: Clock,
    pub(super) limits: Limits,
    /// Signs every message, where signing is on.
    pub(super) signer: Option<Arc<Signer>>,
    pub(super) meter: Arc<Meter>,
    /// Topics that have a subscriber.
    pub(super) in_use: AtomicUsize,
    /// Topics that somebody fans out at this moment.
    pub(super) fanning_out: AtomicUsize,
    /// Bytes of memory that the history of all topics takes.
    history: AtomicUsize,
    /// Topics with neither subscriber nor history, by when they were last used.
    idle: Schedule<S>,
    /// Topics with history, by when their oldest message has to go.
    aging: Schedule<S>,
    /// Held while an idle topic is looked for: who waits for it finds those that were put back.
    retiring: Mutex<()>,
}

impl<S: Sink> Shared<S> {
    pub(super) fn new(clock: Clock, limits: Limits, Instruments { signer, meter }: Instruments) -> Self {
        Self {
            clock,
            limits,
            signer,
            meter,
            in_use: AtomicUsize::new(0),
            fanning_out: AtomicUsize::new(0),
            history: AtomicUsize::new(0),
            idle: Schedule::default(),
            aging: Schedule::default(),
            retiring: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Bytes of memory that the history of all topics takes.
    pub(super) fn history_bytes(&self) -> usize {
        self.history.load(Relaxed)
    }

    /// `messages` were handed to sockets; the oldest of them had been accepted at `since`.
    pub(super) fn count_deliveries(&self, messages: u64, since: Micros) {
        if messages > 0 {
            self.meter.count_deliveries(messages, Duration::from_micros(self.now().0.saturating_sub(since.0)));
        }
    }

    /// Lists a topic where it is idle.
    pub(super) fn list_idle(&self, topic: &Arc<Topic<S>>) {
        if topic.is_idle() && !topic.listed.swap(true, Relaxed) {
            self.idle.push(topic.idle_since(), topic.clone());
        }
    }

    /// Retires the topic that has been unused for the longest, where that began at or before `before`.
    pub(super) fn retire_oldest(&self, before: Micros) -> Option<Arc<Topic<S>>> {
        let _alone = self.retiring.lock();
        while let Some((since, topic)) = self.idle.pop(before) {
            topic.listed.store(false, Relaxed);
            if topic.retire(since) {
                return Some(topic);
            }
            self.list_idle(&topic);
        }
        None
    }

    /// Counts a change of a topic's history.
    pub(super) fn account(&self, before: usize, after: usize) {
        if after >= before {
            self.history.fetch_add(after - before, Relaxed);
        } else {
            self.history.fetch_sub(before - after, Relaxed);
        }
    }

    /// Lists a topic whose history has begun. Only where it does not stand there: the topic's log knows.
    pub(super) fn list_aging(&self, due: Micros, topic: Arc<Topic<S>>) {
        self.aging.push(due, topic);
    }

    /// Lets go of messages that have reached their age.
    pub(super) fn trim_aged(&self) {
        let now = self.now();
        while let Some((_, topic)) = self.aging.pop(now) {
            self.after_trimming(topic.trim(now), topic);
        }
    }

    /// While the history of all topics is over its limit: lets go of the messages that are nearest to their end.
    pub(super) fn trim_excess(&self) {
        while self.history_bytes() > self.limits.history_bytes {
            let Some((_, topic)) = self.aging.pop(Micros(u64::MAX)) else { return };
            self.after_trimming(topic.drop_oldest(), topic);
        }
    }

    fn after_trimming(&self, due: Option<Micros>, topic: Arc<Topic<S>>) {
        match due {
            Some(due) => self.aging.push(due, topic),
            None => self.list_idle(&topic),
        }
    }
}
