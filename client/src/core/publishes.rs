//! Publishes until they are answered: a bounded queue that keeps the order within each topic.
//!
//! One publish of a topic is under way at a time. With several, one that the gateway asks to
//! repeat (`RATE_LIMITED`, `BACKBONE_UNAVAILABLE`) would be overtaken by those behind it.

use crate::PublishError;
use protocol::{Ack, AckStatus, MessageId, Topic};
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// Publishes that may wait, and the bytes of their frames together.
const MOST: usize = 1024;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Names a publish between the core and its driver.
pub type PublishKey = u64;

/// The gateway's answer to a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acked {
    /// Whether the message was stored now, or its id was published before.
    pub status: AckStatus,
    /// The topic; for a duplicate, the first publish's.
    pub topic: String,
    /// The message's number.
    pub seq_no: u64,
}

/// A publish as the user gave it.
#[derive(Debug)]
pub struct NewPublish {
    /// Names it in its answer.
    pub key: PublishKey,
    /// The topic.
    pub topic: Topic<'static>,
    /// The message id, the same for each repeat.
    pub message_id: MessageId<'static>,
    /// The whole frame.
    pub frame: String,
    /// How long it may wait for its answer.
    pub within: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not on this connection yet.
    Waiting,
    /// To be sent again at this time.
    Later(Duration),
    Sent,
}

#[derive(Debug)]
struct Pending {
    new: NewPublish,
    deadline: Duration,
    stage: Stage,
    was_sent: bool,
}

/// An answered publish.
pub(super) type Settled = (PublishKey, Result<Acked, PublishError>);

#[derive(Debug, Default)]
pub(super) struct Publishes {
    queue: VecDeque<Pending>,
    bytes: usize,
}

impl Publishes {
    /// Appends one.
    pub(super) fn add(&mut self, new: NewPublish, now: Duration) -> Result<(), Settled> {
        if self.queue.len() == MOST || self.bytes + new.frame.len() > MOST_BYTES {
            return Err((new.key, Err(PublishError::QueueFull)));
        }
        self.bytes += new.frame.len();
        let deadline = now.saturating_add(new.within);
        self.queue.push_back(Pending { new, deadline, stage: Stage::Waiting, was_sent: false });
        Ok(())
    }

    /// The connection has ended: what was under way is sent again on the next one.
    pub(super) fn reset(&mut self) {
        self.queue.iter_mut().for_each(|pending| pending.stage = Stage::Waiting);
    }

    /// The frames to send now, on a connection that is ready.
    pub(super) fn due(&mut self, now: Duration) -> Vec<String> {
        let mut busy = BTreeSet::new();
        let mut frames = Vec::new();
        for pending in &mut self.queue {
            let is_first = busy.insert(pending.new.topic.as_str());
            let is_due = match pending.stage {
                Stage::Waiting => true,
                Stage::Later(at) => at <= now,
                Stage::Sent => false,
            };
            if is_first && is_due {
                (pending.stage, pending.was_sent) = (Stage::Sent, true);
                frames.push(pending.new.frame.clone());
            }
        }
        frames
    }

    /// The gateway has stored it, now or before.
    pub(super) fn acked(&mut self, ack: &Ack<'_>) -> Option<Settled> {
        let pending = self.take_sent(ack.message_id.as_str())?;
        let acked = Acked {
            status: ack.status,
            topic: ack.topic.as_str().to_owned(),
            seq_no: ack.seq_no.get(),
        };
        Some((pending.new.key, Ok(acked)))
    }

    /// The gateway has refused it for good.
    pub(super) fn refused(&mut self, message_id: &str, why: PublishError) -> Option<Settled> {
        self.take_sent(message_id).map(|pending| (pending.new.key, Err(why)))
    }

    /// The gateway asks to send it again at `at`.
    pub(super) fn again(&mut self, message_id: &str, at: Duration) {
        if let Some(place) = self.sent(message_id) {
            self.queue[place].stage = Stage::Later(at);
        }
    }

    /// Removes those whose time is over.
    pub(super) fn expired(&mut self, now: Duration) -> Vec<Settled> {
        self.remove_if(|pending| {
            (pending.deadline <= now).then_some(PublishError::Deadline {
                within: pending.new.within,
                sent: pending.was_sent,
            })
        })
    }

    /// Removes those that the gateway would not accept.
    pub(super) fn too_large(&mut self, max: u64) -> Vec<Settled> {
        self.remove_if(|pending| {
            let found = pending.new.frame.len();
            (found as u64 > max).then_some(PublishError::TooLarge { found, max })
        })
    }

    /// Removes all.
    pub(super) fn fail_all(&mut self, why: &PublishError) -> Vec<Settled> {
        self.remove_if(|_| Some(why.clone()))
    }

    /// When the next one expires or, on a connection that is ready, is to be sent again.
    pub(super) fn wake_at(&self, is_ready: bool) -> Option<Duration> {
        let times = self.queue.iter().flat_map(|pending| {
            let again = match pending.stage {
                Stage::Later(at) if is_ready => Some(at),
                _ => None,
            };
            [Some(pending.deadline), again]
        });
        times.flatten().min()
    }

    fn remove_if(&mut self, why: impl Fn(&Pending) -> Option<PublishError>) -> Vec<Settled> {
        let mut removed = Vec::new();
        let bytes = &mut self.bytes;
        self.queue.retain(|pending| match why(pending) {
            None => true,
            Some(error) => {
                *bytes -= pending.new.frame.len();
                removed.push((pending.new.key, Err(error)));
                false
            }
        });
        removed
    }

    fn sent(&self, message_id: &str) -> Option<usize> {
        self.queue.iter().position(|pending| {
            pending.stage == Stage::Sent && pending.new.message_id.as_str() == message_id
        })
    }

    fn take_sent(&mut self, message_id: &str) -> Option<Pending> {
        let pending = self.queue.remove(self.sent(message_id)?)?;
        self.bytes -= pending.new.frame.len();
        Some(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(key: u64, size: usize) -> NewPublish {
        NewPublish {
            key,
            topic: Topic::new("t").unwrap(),
            message_id: MessageId::new(key.to_string()).unwrap(),
            frame: "x".repeat(size),
            within: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_full_queue_refuses_and_has_room_again_when_one_has_ended() {
        let mut publishes = Publishes::default();
        for key in 0..MOST as u64 {
            publishes.add(new(key, 1), Duration::ZERO).unwrap();
        }
        let full = Err((0, Err(PublishError::QueueFull)));
        assert_eq!(publishes.add(new(0, 1), Duration::ZERO), full);
        assert_eq!(publishes.expired(Duration::from_secs(1)).len(), MOST);
        publishes.add(new(0, MOST_BYTES), Duration::ZERO).unwrap();
        assert_eq!(publishes.add(new(0, 1), Duration::ZERO), full);
    }
}
