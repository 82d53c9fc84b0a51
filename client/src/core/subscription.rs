//! The topics that the user wants, and the position in each.

use protocol::{Epoch, Newest, SeqNo, Subscribe, Topic};
use std::{collections::BTreeMap, time::Duration};

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With the next message.
    #[default]
    Now,
    /// With the newest messages that the gateway keeps, this many at most.
    Last(Newest),
    /// With the message after this number.
    After(SeqNo),
}

/// The last number that was delivered to the user, and the epoch to which it belongs.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) seq_no: SeqNo,
    /// `None` for a number that the user gave.
    pub(super) epoch: Option<Epoch<'static>>,
}

/// What the present connection knows of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not asked for.
    Unasked,
    /// Asked for, in a setup or by a frame of its own.
    Asked,
    /// To be asked for at this time.
    Later(Duration),
    /// `subscribed` has come.
    Live,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) topic: Topic<'static>,
    pub(super) last: Option<Newest>,
    pub(super) position: Option<Position>,
    pub(super) stage: Stage,
}

impl Subscription {
    fn new(topic: Topic<'static>, start: Start) -> Self {
        let (last, position) = match start {
            Start::Now => (None, None),
            Start::Last(newest) => (Some(newest), None),
            Start::After(seq_no) => (None, Some(Position { seq_no, epoch: None })),
        };
        Self { topic, last, position, stage: Stage::Unasked }
    }

    /// The frame that asks for it.
    pub(super) fn request(&self) -> Subscribe<'static> {
        Subscribe {
            topic: self.topic.clone(),
            last_seq: self.position.as_ref().map(|position| position.seq_no),
            epoch: self.position.as_ref().and_then(|position| position.epoch.clone()),
            last: self.last,
        }
    }
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    wanted: BTreeMap<String, Subscription>,
    /// How many `unsubscribed` each topic still awaits on this connection. Until they have come,
    /// its frames belong to the subscription that has ended.
    leaving: BTreeMap<String, u32>,
}

impl Subscriptions {
    /// A connection begins or has ended.
    pub(super) fn reset(&mut self) {
        self.leaving.clear();
        self.wanted.values_mut().for_each(|subscription| subscription.stage = Stage::Unasked);
    }

    /// Adds a topic; returns whether it is new.
    pub(super) fn add(&mut self, topic: Topic<'static>, start: Start) -> bool {
        let mut is_new = false;
        self.wanted.entry(topic.as_str().to_owned()).or_insert_with(|| {
            is_new = true;
            Subscription::new(topic, start)
        });
        is_new
    }

    /// Removes a topic; returns its stage if there was a subscription.
    pub(super) fn remove(&mut self, topic: &Topic<'_>) -> Option<Stage> {
        self.wanted.remove(topic.as_str()).map(|subscription| subscription.stage)
    }

    /// The client has sent `unsubscribe`.
    pub(super) fn leave(&mut self, topic: &Topic<'_>) {
        *self.leaving.entry(topic.as_str().to_owned()).or_default() += 1;
    }

    /// `unsubscribed` has come; returns whether the client had asked for it.
    pub(super) fn left(&mut self, topic: &Topic<'_>) -> bool {
        let Some(count) = self.leaving.get_mut(topic.as_str()) else { return false };
        *count -= 1;
        if *count == 0 {
            self.leaving.remove(topic.as_str());
        }
        true
    }

    pub(super) fn is_leaving(&self, topic: &Topic<'_>) -> bool {
        self.leaving.contains_key(topic.as_str())
    }

    /// The subscription to which a frame about `topic` belongs.
    pub(super) fn current(&mut self, topic: &Topic<'_>) -> Option<&mut Subscription> {
        if self.is_leaving(topic) { None } else { self.wanted.get_mut(topic.as_str()) }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.wanted.values_mut()
    }

    /// When the next one is to be asked for again.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        let later = |subscription: &Subscription| match subscription.stage {
            Stage::Later(at) => Some(at),
            _ => None,
        };
        self.wanted.values().filter_map(later).min()
    }
}
