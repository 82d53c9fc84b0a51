//! One subscription of a topic: live, or behind and catching up from the topic's history.

use super::{Member, Page, Says, Sink, State, Topic, history::Budget};
use protocol::Epoch;
use std::sync::Arc;

/// The progress of a subscription that was behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatchUp {
    /// More messages follow: call again.
    Behind {
        /// Messages that were copied.
        messages: usize,
    },
    /// The subscription has caught up: later messages are delivered to the sink.
    Live {
        /// Messages that were copied.
        messages: usize,
    },
    /// The next message is not kept here: call again with a page of the shared log behind this
    /// number.
    NeedsPage {
        /// The number of the last message that the subscription has.
        after: u64,
    },
    /// The next message is not kept any more. Messages after `head` are delivered; those between
    /// its position and `head` are missing.
    Lost {
        /// The number of the last message at this moment.
        head: u64,
        /// The life of the numbering that it belongs to.
        epoch: Arc<Epoch<'static>>,
    },
}

/// A subscription to a topic. It ends when it is dropped, in constant time.
#[derive(Debug)]
pub struct Subscription<S: Sink> {
    pub(super) topic: Arc<Topic<S>>,
    pub(super) member: Arc<Member<S>>,
    /// The life of the numbering that `after` belongs to.
    pub(super) epoch: Arc<Epoch<'static>>,
    /// The number behind which it became live; while it is behind, the last number that it has.
    pub(super) after: u64,
    /// The highest number that the subscriber knows of: of the last message, or where it began. May
    /// be below `after` if the log is proved to have no message between.
    pub(super) known: u64,
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

    /// Whether it has to catch up: then it gets bytes only from [`Subscription::catch_up`].
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// The number up to which messages were sent or skipped, in the present life of the numbering.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let state = self.topic.state.lock();
        match (Arc::ptr_eq(&self.epoch, &state.log.epoch), self.behind) {
            (true, true) => self.after,
            (true, false) => self.after.max(state.right.sent()),
            (false, true) => 0,
            (false, false) => state.right.sent(),
        }
    }

    /// Appends the next messages to `out`, as many as `budget` allows, from the topic's history or
    /// from `page`. The caller holds the sink's lock from before the call until the bytes are sent:
    /// once the subscription is live, other bytes may come at any moment.
    pub fn catch_up(&mut self, page: Option<&Page>, budget: Budget, out: &mut Vec<u8>) -> CatchUp {
        let topic = self.topic.clone();
        let mut state = topic.state.lock();
        let log = &state.log;
        let head = log.head;
        let is_same_life = Arc::ptr_eq(&self.epoch, &log.epoch);
        let begin = out.len();
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
            let epoch = log.epoch.clone();
            (self.after, self.known, self.epoch) = (head, head, epoch.clone());
            self.go_live(&mut state);
            return CatchUp::Lost { head, epoch };
        };
        let messages = copied.messages;
        if log.following.is_some() && messages > 0 {
            topic.continue_from(self.known, out, begin);
        }
        self.known = copied.newest.unwrap_or(self.known);
        self.after = copied.last;
        if self.after < head {
            return CatchUp::Behind { messages };
        }
        self.go_live(&mut state);
        CatchUp::Live { messages }
    }

    pub(super) fn go_live(&mut self, state: &mut State<S>) {
        if std::mem::take(&mut self.behind) {
            if let Some(following) = &mut state.log.following {
                following.announce_from(self.known);
            }
            state.roster.add(self.member.clone(), &state.log.pending);
        }
    }
}

impl<S: Sink> Drop for Subscription<S> {
    fn drop(&mut self) {
        self.topic.leave(&self.member, self.behind);
    }
}
