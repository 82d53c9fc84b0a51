//! The seam to other gateways: an ordered log per topic that several gateways share. Without one
//! ([`crate::gateway::Gateway::new`]) this process numbers its topics itself, and an answer takes
//! no task, no allocation and no waiting.
//!
//! What is asked of a backbone:
//!
//! - **One order.** Each topic's messages have strictly rising numbers within a life of the
//!   numbering (an *epoch*); every gateway gets the same.
//! - **Each message once.** A publish carries a key, `(user, messageId)`. For as long as
//!   `dedup.window` a second one with the same key is not stored again, whichever gateway it comes
//!   through, but answered with the first one's place.
//! - **Never a silent hole.** What [`Feed`] is not given in order it is told of.
//!
//! What an acknowledgement is worth is the backbone's to say: that the process has it, a disk, a
//! quorum.

use crate::{dedup::Place, hub::topic::Name};
use futures_util::future::BoxFuture;
use protocol::{Epoch, MessageId};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// A message on its way to the log.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it goes.
    pub topic: Name,
    /// Who publishes it: one half of its key.
    pub user: Box<str>,
    /// The other half.
    pub message_id: MessageId<'static>,
    /// One JSON value.
    pub data: Box<RawValue>,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, at this number.
    Stored(u64),
    /// Its key is in the log already, there.
    Duplicate(Place),
    /// It is certainly not in the log.
    Refused,
    /// It may be in the log, or may still come there.
    Unknown,
}

/// The topic's log cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the backbone cannot be reached now: try again")]
pub struct Unavailable;

/// A log per topic that several gateways share.
pub trait Backbone: fmt::Debug + Send + Sync {
    /// Appends a message to its topic's log, once for each key. It is handed over within the call:
    /// of two calls after each other for one topic the first one's message stands in front,
    /// where both are stored. Dropped before it ends, the outcome is [`Outcome::Unknown`].
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome>;

    /// Follows a topic: `feed` gets the position first, then everything behind it, until
    /// [`Backbone::detach`]. Dropped before it ends, `feed` may or may not have been attached:
    /// detach it.
    ///
    /// # Errors
    /// [`Unavailable`]: `feed` is not attached.
    fn attach(
        &self,
        topic: Name,
        feed: Arc<dyn Feed>,
    ) -> BoxFuture<'static, Result<(), Unavailable>>;

    /// Nothing more is given to `feed`. Where it was not attached, nothing happens.
    fn detach(&self, topic: &Name, feed: &Arc<dyn Feed>);
}

/// Where a topic's log arrives. Called in the log's order, from one task at a time; does not block.
/// It may detach itself within a call.
pub trait Feed: Send + Sync {
    /// First, once: what follows begins behind `head`.
    fn begin(&self, head: u64, epoch: Epoch<'static>);

    /// The next message.
    fn message(&self, seq_no: u64, message_id: &MessageId<'_>, data: &RawValue);

    /// Continuity has ended: what follows begins behind `head` of `epoch`, and what lay between is
    /// not to be had. The epoch is another one where old numbers mean nothing any more.
    fn lost(&self, head: u64, epoch: Epoch<'static>);
}

impl Message {
    /// Its key, as one text that no other key has.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}{}", self.user.len(), self.user, self.message_id.as_str())
    }
}
