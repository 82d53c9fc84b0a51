//! Topics in the order of a moment: those without a subscriber by when they were last used, those with history by when their
//! oldest message has to go. Each stands in a schedule at most once; whoever lists a topic makes sure of that.

use super::topic::Topic;
use crate::clock::Micros;
use parking_lot::Mutex;
use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::Arc,
};

#[derive(Debug)]
pub(super) struct Schedule<S>(Mutex<Entries<S>>);

#[derive(Debug)]
struct Entries<S> {
    heap: BinaryHeap<Reverse<Entry<S>>>,
    listed: u64,
}

#[derive(Debug)]
struct Entry<S> {
    at: Micros,
    /// Decides between equal times: who was listed first.
    number: u64,
    topic: Arc<Topic<S>>,
}

impl<S> Entry<S> {
    fn key(&self) -> (Micros, u64) {
        (self.at, self.number)
    }
}
impl<S> PartialEq for Entry<S> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<S> Eq for Entry<S> {}
impl<S> PartialOrd for Entry<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<S> Ord for Entry<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<S> Default for Schedule<S> {
    fn default() -> Self {
        Self(Mutex::new(Entries { heap: BinaryHeap::new(), listed: 0 }))
    }
}

impl<S> Schedule<S> {
    pub(super) fn push(&self, at: Micros, topic: Arc<Topic<S>>) {
        let mut entries = self.0.lock();
        entries.listed += 1;
        let number = entries.listed;
        entries.heap.push(Reverse(Entry { at, number, topic }));
    }

    /// The first topic, where its moment is at or before `before`.
    pub(super) fn pop(&self, before: Micros) -> Option<(Micros, Arc<Topic<S>>)> {
        let mut entries = self.0.lock();
        if entries.heap.peek().is_none_or(|Reverse(first)| first.at > before) {
            return None;
        }
        let Reverse(Entry { at, topic, .. }) = entries.heap.pop()?;
        Some((at, topic))
    }
}
