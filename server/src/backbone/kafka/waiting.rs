//! What waits for its record to come back from the log. A gateway answers a publish when its reader
//! has read the record: only then it is known whether it is the first one with its key.

use super::record::{By, GatewayId};
use crate::{
    backbone::{Outcome, Unavailable},
    chance,
    dedup::Place,
};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::oneshot;

/// Publishes that wait for their answer; a further one is refused.
const MOST: usize = 16 * 1024;

/// What they may take together, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Stored(u64),
    Duplicate(Place),
    Refused,
    Unknown,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Stored(seq_no) => Self::Stored(seq_no),
            Answer::Duplicate(place) => Self::Duplicate(place),
            Answer::Refused => Self::Refused,
            Answer::Unknown => Self::Unknown,
        }
    }
}

/// All records of this gateway that were sent and not read yet.
#[derive(Debug)]
pub(super) struct Waiting {
    gateway: GatewayId,
    tickets: AtomicU64,
    bytes: AtomicUsize,
    by_ticket: Mutex<HashMap<u64, Ticket, ahash::RandomState>>,
}

#[derive(Debug)]
struct Ticket {
    tell: oneshot::Sender<Answer>,
    partition: usize,
    /// The reader had read up to here when it was sent: its own place is at it or behind it.
    position: u64,
}

/// A record's answer is waited for until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    waiting: Arc<Waiting>,
    ticket: u64,
    bytes: usize,
    told: oneshot::Receiver<Answer>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.waiting.by_ticket.lock().remove(&self.ticket);
        self.waiting.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

impl Held {
    pub(super) fn by(&self) -> By {
        By { gateway: self.waiting.gateway, ticket: self.ticket }
    }

    /// Cancel-safe.
    pub(super) async fn answer(mut self) -> Answer {
        (&mut self.told).await.unwrap_or(Answer::Unknown)
    }

    /// The number of a record that is no message.
    ///
    /// # Errors
    /// [`Unavailable`]: it is not known to be in the log.
    pub(super) async fn number(self) -> Result<u64, Unavailable> {
        match self.answer().await {
            Answer::Stored(seq_no) => Ok(seq_no),
            _ => Err(Unavailable),
        }
    }
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            gateway: chance::draw(),
            tickets: AtomicU64::new(0),
            bytes: AtomicUsize::new(0),
            by_ticket: Mutex::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_ticket.lock().len()
    }

    /// `None`: there is no room.
    pub(super) fn hold(
        self: &Arc<Self>,
        partition: usize,
        position: u64,
        bytes: usize,
    ) -> Option<Held> {
        let ticket = self.tickets.fetch_add(1, Relaxed);
        let (tell, told) = oneshot::channel();
        let before = self.bytes.fetch_add(bytes, Relaxed);
        // Gives everything back if it is dropped here.
        let held = Held { waiting: self.clone(), ticket, bytes, told };
        if before > MOST_BYTES {
            return None;
        }
        let mut by_ticket = self.by_ticket.lock();
        if by_ticket.len() >= MOST {
            drop(by_ticket);
            return None;
        }
        by_ticket.insert(ticket, Ticket { tell, partition, position });
        drop(by_ticket);
        Some(held)
    }

    /// A record was read. It may be another gateway's.
    pub(super) fn read(&self, by: By, answer: impl FnOnce() -> Answer) {
        if by.gateway == self.gateway {
            self.answer(by.ticket, answer);
        }
    }

    /// A record will not be read, or perhaps not.
    pub(super) fn answer(&self, ticket: u64, answer: impl FnOnce() -> Answer) {
        let found = self.by_ticket.lock().remove(&ticket);
        if let Some(found) = found {
            // The publish may have been dropped.
            let _ = found.tell.send(answer());
        }
    }

    /// A broker has stored a record there. If that is before everything that was read when it was
    /// sent, numbers were given a second time: gives the partition.
    pub(super) fn went_back(&self, ticket: u64, offset: u64) -> Option<usize> {
        let by_ticket = self.by_ticket.lock();
        let found = by_ticket.get(&ticket)?;
        (offset < found.position).then_some(found.partition)
    }

    /// Everything that was sent has an unknown outcome.
    pub(super) fn give_up(&self) {
        for (_, ticket) in std::mem::take(&mut *self.by_ticket.lock()) {
            let _ = ticket.tell.send(Answer::Unknown);
        }
    }
}
