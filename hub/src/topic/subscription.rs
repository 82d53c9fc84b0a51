//! One subscriber's place in a topic: live, or behind and catching up from the topic's history.

use super::{Log, Member, Page, Says, Sink, Topic, history::Budget};
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
    /// What comes next is not kept here: give a page of the shared log behind this number.
    NeedsPage {
        /// The last number that it has.
        after: u64,
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

    /// The life of the numbering that its position belongs to.
    #[must_use]
    pub fn epoch(&self) -> &Arc<Epoch<'static>> {
        &self.epoch
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

    /// Appends what comes next to `out`, as much as `budget` allows, from the topic's history or
    /// from `page`. The caller holds the sink's lock from before the call until the bytes are sent:
    /// once the subscription is live, other bytes may come at any moment.
    pub fn catch_up(&mut self, page: Option<&Page>, budget: Budget, out: &mut Vec<u8>) -> CatchUp {
        let topic = self.topic.clone();
        let mut log = topic.log.lock();
        let head = log.head;
        let is_same_life = Arc::ptr_eq(&self.epoch, &log.epoch);
        let mut copied = None;
        if is_same_life && log.history.reaches(self.after) {
            copied = Some(log.history.copy_after(self.after, budget, out));
        } else if is_same_life && log.following.is_some() {
            let page = page.map(|page| (page, page.says(self.epoch.as_str(), self.after)));
            copied = match page {
                Some((page, Says::Continues)) => Some(page.copy_after(self.after, budget, out)),
                Some((_, Says::Lost)) => None,
                _ => return CatchUp::NeedsPage { after: self.after },
            };
        }
        let Some(copied) = copied else {
            (self.after, self.epoch) = (head, log.epoch.clone());
            self.go_live(&mut log);
            return CatchUp::Lost { head, epoch: log.epoch.clone() };
        };
        let messages = copied.messages;
        self.after = copied.last;
        if self.after < head {
            return CatchUp::Behind { messages };
        }
        self.go_live(&mut log);
        CatchUp::Live { messages }
    }

    fn go_live(&mut self, log: &mut Log<S>) {
        if std::mem::take(&mut self.behind) {
            log.go_live(self.member.clone());
        }
    }
}

impl<S: Sink> Drop for Subscription<S> {
    fn drop(&mut self) {
        self.topic.leave(&self.member, self.behind);
    }
}
