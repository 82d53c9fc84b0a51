//! The seam to other gateways: a log for each topic, which several gateways append to and follow.
//! Without a backbone this process numbers its topics itself ([`crate::sequencer`]).
//!
//! What a backbone promises:
//!
//! - **One order.** The messages of a topic have rising numbers within a life of the numbering (an
//!   *epoch*); every gateway gets the same. Numbers may be sparse: several topics may share a
//!   stream. Each record names the number of its topic's message before it.
//! - **Each message once.** A publish carries a key, `(user, messageId)`. For as long as
//!   `dedup.window` a second one with the same key is not stored again, through whichever gateway
//!   it comes, but answered with the first one's place.
//! - **Live delivery in order, but not complete.** An attached topic's records come in the log's
//!   order. A record may be missing, also the last one, or come twice. What is missing shows by
//!   the predecessor of the next record, or by an [`Event::Head`], which comes within a bounded
//!   time.
//! - **Proofs.** [`Backbone::head`] and [`Attached::head`] are proved: every message that any
//!   gateway was told to be stored before the call is at or below that head. A [`Part`] proves
//!   that it is whole. Where a backbone cannot prove it, the call fails.
//! - **Lives.** If numbers were given back (a data directory was set back, a log was lost), the life
//!   changes, at the latest in [`Backbone::renumber`], and with it the epoch. The gateways learn of
//!   it one after the other, within the time that an [`Event::Head`] may take, and each before it
//!   proves anything in the new life.
//!
//! What an acknowledgement is worth is the backbone's to say: that the process has it, a disk, a
//! quorum.

pub mod claimed;
#[cfg(test)]
pub(crate) mod contract_tests;
pub mod kafka;
pub mod nats;
#[cfg(test)]
mod probe;
mod retry;

use crate::{dedup::Place, metrics::histogram::Snapshot};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use hub::topic::Name;
use protocol::{Epoch, MessageId};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc, time::Duration};

/// A message on its way to the log.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it goes.
    pub topic: Name,
    /// The publisher: one half of its key.
    pub user: Box<str>,
    /// The other half.
    pub message_id: MessageId<'static>,
    /// One JSON value.
    pub data: Box<RawValue>,
}

impl Message {
    /// Its key, as one text that no other key has.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}{}", self.user.len(), self.user, self.message_id.as_str())
    }
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

/// A message in a topic's log.
#[derive(Debug, Clone)]
pub struct Record {
    /// The life of the numbering that `seq_no` belongs to.
    pub epoch: Arc<Epoch<'static>>,
    /// Its number.
    pub seq_no: u64,
    /// The number of the topic's message before it, or a higher one between which and this one the
    /// topic has no message; 0: it is the first one, or those before it are gone. `None`: unknown.
    pub prev: Option<u64>,
    /// The publisher's name for it.
    pub message_id: MessageId<'static>,
    /// One JSON value.
    pub data: Box<RawValue>,
    /// How long ago the backbone stored it, as far as its clock and this machine's agree.
    pub age: Duration,
}

/// The end of a topic's log.
#[derive(Debug, Clone)]
pub struct Head {
    /// The life of the numbering.
    pub epoch: Arc<Epoch<'static>>,
    /// The number of the newest message. If the log keeps none, a number that is below those of all
    /// messages to come and not below those of all before; 0 may mean that there never was one.
    pub seq_no: u64,
    /// That message's id, if it is still in the log.
    pub message_id: Option<MessageId<'static>>,
}

/// What an attached topic is told, in the order of its log.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Record(Record),
    /// The end of the log at this moment, or a new life.
    Head(Head),
}

/// What the receiver of an [`Event`] wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// The next one.
    More,
    /// Nothing of this topic, until its inbox takes up again by reading the log: what comes before
    /// that is not looked at, and may be left out.
    Pause,
}

/// Where the events of all topics of a gateway arrive. Called in each topic's order, for one topic
/// by one task at a time. Does not block.
pub trait Inbox: fmt::Debug + Send + Sync {
    /// The next event of a topic.
    fn deliver(&self, topic: &Name, event: Event) -> Demand;
}

/// A topic whose events come from now on.
pub struct Attached {
    /// The end of its log: what is stored after it comes as an event, before or after the call's
    /// end.
    pub head: Head,
    /// Dropped, no further event comes, except one that is being delivered at that moment. The drop
    /// does not block.
    pub guard: Box<dyn Send + Sync>,
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("head", &self.head).finish_non_exhaustive()
    }
}

/// Everything that a log has in a range.
#[derive(Debug, Clone)]
pub struct Part {
    /// The range begins behind this number. It is above the one that was asked for if messages
    /// behind that one are gone.
    pub after: u64,
    /// The messages of the range, in order.
    pub records: Vec<Record>,
    /// The range ends with this number: the last record's or a higher one up to which the log is
    /// proved to have no more. At `after`, nothing could be proved now: ask again.
    pub up_to: u64,
}

/// How much a call of [`Backbone::read`] may give.
#[derive(Debug, Clone, Copy)]
pub struct ReadBudget {
    /// Messages, at least one.
    pub messages: usize,
    /// Bytes of payload; one message always goes.
    pub bytes: usize,
}

/// The backbone cannot be reached, or cannot prove what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the backbone cannot be reached now: try again")]
pub struct Unavailable;

/// Why a part of a log was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It cannot be reached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The numbering has another life.
    #[error("the topic's numbering has begun anew")]
    AnotherLife,
}

/// Whether a backbone can do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has proved so within the last second or so.
    Reachable,
    /// It has not: `/readyz` says so, and publishes are likely to fail.
    Unreachable,
}

/// What a backbone counts.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Connections that were taken up after the first.
    pub reconnects: u64,
    /// Topics that are attached.
    pub attached: usize,
    /// Publishes that wait for their acknowledgement.
    pub in_flight: usize,
    /// From handing over a message to its acknowledgement. `None`: it is not measured.
    pub publishes: Option<Snapshot>,
}

/// What a gateway says of itself, for the others: some kilobytes at most. Does not block.
pub type Description = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// A log per topic that several gateways share. Every call may take for ever: the caller sets the
/// time limit. Dropped before its end, a call leaves nothing behind, if it does not say otherwise.
pub trait Backbone: fmt::Debug + Send + Sync {
    /// Appends a message to its topic's log, once for each key. It is handed over within the call:
    /// of two calls in a row for one topic the first one's message has the lower number, if both
    /// are stored. Dropped before it ends, the outcome is [`Outcome::Unknown`].
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome>;

    /// Attaches a topic: its events come to `inbox` until the guard is dropped.
    ///
    /// # Errors
    /// [`Unavailable`]: the topic is not attached.
    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>>;

    /// The proved end of a topic's log.
    ///
    /// # Errors
    /// [`Unavailable`]
    fn head(&self, topic: &Name) -> BoxFuture<'static, Result<Head, Unavailable>>;

    /// What the log has behind `after` in the life `epoch`.
    ///
    /// # Errors
    /// [`ReadError`]
    fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>>;

    /// A gateway has seen that numbers of the life `epoch` were given a second time: begins a new
    /// life, unless that has happened already, tells every gateway by [`Event::Head`], and gives
    /// the head in the present life.
    ///
    /// # Errors
    /// [`Unavailable`]: the life may have changed or not.
    fn renumber(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>>;

    /// Whether it can do its work at this moment.
    fn health(&self) -> Health;

    /// From now on, other gateways that ask get this answer. Called once. By default none can ask.
    fn introduce(&self, _own: Description) {}

    /// What the other gateways say of themselves, as far as they answer within some hundred
    /// milliseconds. Cancel-safe.
    fn others(&self) -> BoxFuture<'static, Vec<Vec<u8>>> {
        ready(Vec::new()).boxed()
    }

    /// What it counts, for `/metrics`.
    fn figures(&self) -> Figures {
        Figures::default()
    }
}
