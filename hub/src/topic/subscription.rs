//! One subscriber's place in a topic: live, or behind and catching up from the topic's history.

use super::{Member, Sink, Topic, history::Budget};
use protocol::Epoch;
use std::sync::Arc;

/// How far a subscription that was behind has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatchUp {
    /// There is more: call again.
    Behind {
        /// Messages that were copied.
        messages: usize,
    },
    /// It has caught up: later messages are delivered.
    Live {
        /// Messages that were copied.
        messages: usize,
    },
    /// The next message is not kept any more. What comes after `head` is delivered; between its
    /// position and that, something is missing.
    Lost {
        /// The number of the last message at this moment.
        head: u64,
        /// The life of the numbering that it belongs to.
        epoch: Arc<Epoch<'static>>,
    },
}

/// A place among a topic's subscribers. Ends when it is dropped, in constant time.
#[derive(Debug)]
pub struct Subscription<S: Sink> {
    pub(super) topic: Arc<Topic<S>>,
    pub(super) member: Arc<Member<S>>,
    /// The life of the numbering that `after` belongs to.
    pub(super) epoch: Arc<Epoch<'static>>,
    /// The number behind which it began to be live; while it is behind, the last one that it has.
    pub(super) after: u64,
    pub(super) behind: bool,
}

impl<S: Sink> Subscription<S> {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic<S>> {
        &self.topic
    }

    /// Whether it has to catch up: it gets nothing but by [`Subscription::catch_up`].
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// The number above which nothing was sent yet, in the present life of the numbering.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let log = self.topic.log.lock();
        match (Arc::ptr_eq(&self.epoch, &log.epoch), self.behind) {
            (true, true) => self.after,
            (true, false) => self.after.max(log.sent),
            (false, true) => 0,
            (false, false) => log.sent,
        }
    }

    /// Appends what comes next to `out`, as much as `budget` allows. Whoever sends it holds the
    /// sink's lock from before the call until it is sent: once it is live, other bytes may come
    /// at any moment.
    pub fn catch_up(&mut self, budget: Budget, out: &mut Vec<u8>) -> CatchUp {
        let mut log = self.topic.log.lock();
        let head = log.head;
        let mut messages = 0;
        let lost = !Arc::ptr_eq(&self.epoch, &log.epoch) || !log.history.reaches(self.after);
        if lost {
            (self.after, self.epoch) = (head, log.epoch.clone());
        } else {
            messages = log.history.copy_after(self.after, budget, out);
            self.after += messages as u64;
        }
        if self.after < head {
            return CatchUp::Behind { messages };
        }
        if std::mem::take(&mut self.behind) {
            log.go_live(self.member.clone());
        }
        if lost {
            CatchUp::Lost { head, epoch: log.epoch.clone() }
        } else {
            CatchUp::Live { messages }
        }
    }
}

impl<S: Sink> Drop for Subscription<S> {
    fn drop(&mut self) {
        self.topic.leave(&self.member, self.behind);
    }
}
