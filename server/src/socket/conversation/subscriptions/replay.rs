//! Replays: sends to the client what its topics that are behind have missed, batch by batch, topics
//! in turns, at the pace that the limits allow.

use super::{Answer, Subscriptions};
use crate::{
    backbone::Unavailable,
    session::{self, Session},
    socket::conversation::put,
};
use futures_util::{FutureExt, future::BoxFuture};
use hub::{
    CatchUp,
    topic::{Name, Page},
};
use protocol::UserId;
use std::{fmt, pin::Pin, sync::Arc, time::Duration};
use tokio::time::{Sleep, sleep};

/// What became of a turn of replaying.
#[derive(Debug)]
pub(in crate::socket) enum Replay {
    /// No topic is behind.
    Done,
    /// There is more to send now.
    More,
    /// The socket is full.
    Full,
    /// The client has got as much as the rate allows: after this.
    Wait(Pin<Box<Sleep>>),
    /// What comes next has to be read from a shared log.
    Read(Box<Reading>),
}

/// Gives the page; nothing if the log could not be read for a while.
pub(in crate::socket) struct Reading(pub(in crate::socket) BoxFuture<'static, Option<Arc<Page>>>);

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// How long a replay waits if its log cannot be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// A read of a topic's log.
pub(super) struct Read {
    topic: Arc<Name>,
    /// What it gave. `None`: it is under way, or has failed.
    page: Option<Arc<Page>>,
}

impl Subscriptions {
    /// Whether some topic is behind.
    pub(in crate::socket::conversation) fn are_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Takes what was read for the topic whose turn it is.
    pub(in crate::socket::conversation) fn take_page(&mut self, page: Option<Arc<Page>>) {
        if let (Some(page), Some(read)) = (page, &mut self.read) {
            read.page = Some(page);
        }
    }

    /// Sends the next batch of the topic whose turn it is.
    pub(in crate::socket::conversation) fn replay(
        &mut self,
        user: &UserId<'static>,
        session: &Session,
    ) -> Replay {
        if self.turn >= self.behind.len() {
            self.turn = 0;
        }
        let Some(name) = self.behind.get(self.turn) else { return Replay::Done };
        let Some(subscribed) = self.by_topic.get_mut(name) else { return Replay::Done };
        let budget = match self.replayed.budget(&self.gateway.registry.replay_rate, user) {
            Ok(budget) => budget,
            Err(wait) => return Replay::Wait(Box::pin(sleep(wait))),
        };
        let mut held = self.connection.hold();
        if held.is_full() {
            return Replay::Full;
        }
        let read = self.read.as_ref().filter(|read| read.topic == *name);
        let page = read.and_then(|read| read.page.as_deref());
        let mut batch = Vec::new();
        let caught_up = match subscribed.subscription.catch_up(page, budget, &mut batch) {
            CatchUp::Behind { messages } => {
                self.gateway.meter.replayed.add(messages as u64);
                self.replayed.take(messages, batch.len());
                false
            }
            CatchUp::Live { messages } => {
                self.gateway.meter.replayed.add(messages as u64);
                self.replayed.take(messages, batch.len());
                true
            }
            CatchUp::NeedsPage { after } => {
                drop(held);
                let (name, subscription) = (name.clone(), &subscribed.subscription);
                let (topic, epoch) = (subscription.topic(), subscription.epoch().clone());
                let page = self.gateway.sequencer.page(topic, epoch, after);
                // If the last read of it has failed, it is another topic's turn after this one.
                let has_failed =
                    self.read.take().is_some_and(|read| read.topic == name && read.page.is_none());
                self.turn += usize::from(has_failed);
                self.read = Some(Box::new(Read { topic: name, page: None }));
                let read = async move {
                    match page?.await {
                        Ok(page) => Some(page),
                        Err(Unavailable) => {
                            sleep(READ_AGAIN).await;
                            None
                        }
                    }
                };
                return Replay::Read(Box::new(Reading(read.boxed())));
            }
            CatchUp::Lost { head, epoch } => {
                let told =
                    Answer { head, epoch: epoch.clone(), recovered: Some(false), after: None };
                put(&mut batch, &told.frame(name));
                subscribed.position = session::Position { epoch, seq_no: head, lost: true };
                session.put(name, subscribed.position.clone());
                true
            }
        };
        held.send_replay(batch);
        drop(held);
        if caught_up {
            self.leave_the_turns(self.turn)
        } else {
            self.turn += 1
        }
        if self.are_behind() {
            return Replay::More;
        }
        self.replayed.rest();
        self.read = None;
        Replay::Done
    }

    /// In constant time: the last one takes its place.
    pub(super) fn leave_the_turns(&mut self, slot: usize) {
        self.behind.swap_remove(slot);
        if let Some(moved) = self.behind.get(slot).and_then(|name| self.by_topic.get_mut(name)) {
            moved.slot = slot as u32;
        }
        if self.behind.is_empty() {
            self.behind = Vec::new();
        }
    }
}
