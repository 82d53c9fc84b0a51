//! The right to fan out, as the topic sees it: whether it is held, what the last pass has taken,
//! and how far the fan-out lags. [`FanOut`] is its holder.

use super::{Sink, State, Topic};
use crate::fan_out::{FanOut, Pass};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// The state of a topic's right to fan out.
#[derive(Debug)]
pub(super) struct FanOutRight<S> {
    is_held: bool,
    /// Bytes that are numbered and have not reached every subscriber yet.
    backlog: usize,
    /// The number of the last message that a pass has taken.
    sent: u64,
    /// A pass whose holder was dropped before its end.
    unfinished: Option<Box<Pass<S>>>,
}

impl<S> Default for FanOutRight<S> {
    fn default() -> Self {
        Self { is_held: false, backlog: 0, sent: 0, unfinished: None }
    }
}

impl<S> FanOutRight<S> {
    /// The number of the last message that a pass has taken.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes that are numbered and have not reached every subscriber yet.
    pub(super) fn backlog(&self) -> usize {
        self.backlog
    }
}

impl<S: Sink> Topic<S> {
    /// Counts `len` bytes that have become pending, and takes the right to fan out. False: it is
    /// held already.
    pub(super) fn take_right(&self, right: &mut FanOutRight<S>, len: usize) -> bool {
        right.backlog += len;
        let mine = !std::mem::replace(&mut right.is_held, true);
        if mine {
            self.shared.fanning_out.fetch_add(1, Relaxed);
        }
        mine
    }

    /// The holder of a right that was just taken.
    pub(super) fn fan_out(self: &Arc<Self>, is_mine: bool) -> Option<FanOut<S>> {
        is_mine.then(|| FanOut::new(self.clone()))
    }

    fn give_back(&self, right: &mut FanOutRight<S>) {
        right.is_held = false;
        self.shared.fanning_out.fetch_sub(1, Relaxed);
    }

    /// Begins a pass, or gives the right to fan out back. `None`: it was given back, and another
    /// task may hold it already, so the caller must not touch the topic's fan-out any more.
    pub(crate) fn begin_pass(&self) -> Option<Box<Pass<S>>> {
        let mut guard = self.state.lock();
        let State { log, roster, right, .. } = &mut *guard;
        if let Some(pass) = right.unfinished.take() {
            return Some(pass);
        }
        let Some(chunk) = log.pending.take() else {
            self.give_back(right);
            return None;
        };
        right.sent = chunk.last;
        let (members, joining) = roster.take();
        Some(Box::new(Pass { chunk, members, joining, at: 0 }))
    }

    /// Puts back what [`Topic::begin_pass`] took. True: more bytes are pending. False: the right is
    /// given back, and the caller must not touch the topic's fan-out any more.
    pub(crate) fn end_pass(&self, pass: Pass<S>) -> bool {
        let Pass { chunk, members, joining, .. } = pass;
        let mut guard = self.state.lock();
        let State { log, roster, right, .. } = &mut *guard;
        let limit = self.shared.limits.topic_backlog;
        let congested = right.backlog > limit;
        right.backlog -= chunk.frames.len();
        let relieved = congested && right.backlog <= limit;
        let more = !log.pending.is_empty();
        roster.put_back((members, joining), &chunk, !more);
        if !more {
            self.give_back(right);
        }
        drop(guard);
        if relieved {
            self.drained.notify_waiters();
        }
        more
    }

    /// Gives the right back before the end, together with the running pass: the next holder
    /// continues it.
    pub(crate) fn abandon(&self, pass: Option<Box<Pass<S>>>) {
        let mut state = self.state.lock();
        let right = &mut state.right;
        right.unfinished = pass.or(right.unfinished.take());
        self.give_back(right);
        state.drop_unfinished();
    }

    /// Waits until the backlog is within its limit. Cancel-safe: cancelling changes nothing.
    pub async fn below_backlog(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.state.lock().right.backlog <= self.shared.limits.topic_backlog {
                return;
            }
            drained.await;
        }
    }
}

impl<S> State<S> {
    /// Drops an unfinished pass if no subscriber is left that would get the rest.
    pub(super) fn drop_unfinished(&mut self) {
        let Self { log, roster, right, .. } = self;
        if roster.is_empty() && !right.is_held {
            right.unfinished = None;
            right.backlog = 0;
            roster.clear();
            while log.pending.take().is_some() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Directory, Instruments, Owner, Start, Step, Subscription,
        clock::Clock,
        directory::Limits,
        history,
        topic::{Appended, Liveness},
    };
    use bytes::Bytes;
    use futures_util::poll;
    use protocol::{Epoch, MessageId};
    use std::time::Duration;

    #[derive(Debug)]
    struct Ignoring;

    impl Sink for Ignoring {
        fn deliver(&self, _: &Liveness, _: &Bytes) {}
    }

    /// A topic with a subscriber, whose fan-out may lag by `topic_backlog` bytes.
    fn subscribed(topic_backlog: usize) -> (Directory<Ignoring>, Subscription<Ignoring>) {
        let limits = Limits {
            max_topics: 1,
            max_topics_per_user: 1,
            meta_ttl: Duration::ZERO,
            topic_backlog,
            history_bytes: 0,
        };
        let directory = Directory::new(
            limits,
            Box::new(|_| history::Limits::NONE),
            Clock::start(),
            || Epoch::new("e").unwrap(),
            Instruments::default(),
        );
        let name = protocol::Topic::new("t").unwrap();
        let joined = directory.with(&name, Owner::Backends, &mut None, |topic| {
            topic.join(Arc::new(Ignoring), Start::NOW)
        });
        (directory, joined.unwrap().subscription)
    }

    fn append(subscription: &Subscription<Ignoring>, len: usize) -> Appended<Ignoring> {
        let topic = subscription.topic();
        let data = "1".repeat(len);
        topic.append(topic.shared().now(), &MessageId::new("m").unwrap(), &data).unwrap()
    }

    /// The pass that brings the backlog below its limit may be the last one for a long time.
    #[tokio::test]
    async fn the_only_pass_of_a_lagging_topic_wakes_its_publishers() {
        let (_directory, subscription) = subscribed(1000);
        let topic = subscription.topic();
        let Appended { congested, fan_out, .. } = append(&subscription, 2000);
        assert!(congested);
        let mut waiting = std::pin::pin!(topic.below_backlog());
        assert!(poll!(&mut waiting).is_pending());
        assert_eq!(fan_out.unwrap().step(), Step::Done);
        assert!(poll!(&mut waiting).is_ready());
    }

    /// Publishers are woken by the pass that relieves them, not by an earlier or a later one.
    #[tokio::test]
    async fn publishers_are_woken_as_soon_as_the_backlog_is_within_its_limit() {
        let (_directory, subscription) = subscribed(1200);
        let topic = subscription.topic();
        // Each message is a chunk of its own.
        let mut fan_out = append(&subscription, 600).fan_out.unwrap();
        assert!((1..4).all(|_| append(&subscription, 600).fan_out.is_none()));
        let mut waiting = std::pin::pin!(topic.below_backlog());
        for _ in 0..3 {
            assert!(poll!(&mut waiting).is_pending());
            assert_eq!(fan_out.step(), Step::More);
        }
        assert!(poll!(&mut waiting).is_ready());
    }

    /// A backlog of exactly the limit is within it.
    #[tokio::test]
    async fn a_topic_lags_if_its_backlog_is_above_the_limit() {
        let len = |subscription: &_| {
            let _fan_out = append(subscription, 100).fan_out;
            let state = subscription.topic().state.lock();
            state.right.backlog
        };
        let len = len(&subscribed(usize::MAX).1);
        for (limit, lags) in [(len, false), (len - 1, true)] {
            let (_directory, subscription) = subscribed(limit);
            assert_eq!(append(&subscription, 100).congested, lags);
            let mut waiting = std::pin::pin!(subscription.topic().below_backlog());
            assert_eq!(poll!(&mut waiting).is_pending(), lags);
        }
    }
    /// A session resumes behind this number: a message that is only pending is not part of it.
    #[tokio::test]
    async fn a_subscription_was_sent_what_a_pass_has_taken() {
        let (_directory, subscription) = subscribed(usize::MAX);
        let mut fan_out = append(&subscription, 1).fan_out.unwrap();
        assert!(append(&subscription, 1).fan_out.is_none());
        assert_eq!(subscription.sent(), 0);
        assert_eq!(fan_out.step(), Step::Done);
        assert_eq!(subscription.sent(), 2);
    }
}
