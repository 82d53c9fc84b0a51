//! The lease of a gateway: one record that says that all sessions attached to it have a
//! connection. It is renewed for all of them together. A session whose gateway has not renewed its
//! lease counts as detached from the moment at which the lease ended, so a gateway that is killed
//! needs no goodbye.
//!
//! The record is also the gateway's letter box: a gateway that takes over a session adds a
//! [`Notice`] to the record of the one that had it. The next renewal is a compare-and-set, meets the
//! change, and reads it; then the session is written, and its record decides. So the loser learns of
//! it within an interval of renewals, also if it has nothing to write.

use super::{
    calls::{self, Calls},
    encoding::{Reader, Unreadable, Writer},
};
use crate::session::{
    Id, Unavailable,
    records::{GatewayId, PutError, Record, RecordName, Revision},
};
use hub::clock::{Clock, Micros};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::sync::Mutex;

/// Notices that a lease holds. Beyond that the oldest is dropped, and the session's next write
/// finds out.
const MAX_NOTICES: usize = 512;

/// How long a record is kept beyond the time for which it is needed.
const MARGIN: Duration = Duration::from_secs(60);

/// Another gateway has opened a session, or has tried to and does not know whether it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) id: Id,
    /// That of the new opening.
    pub(super) generation: u64,
}

/// The record of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LeaseRecord {
    /// How long the lease is valid after a renewal.
    valid_for: Duration,
    /// How long ago it was renewed when the record was written.
    renewed_before: Duration,
    notices: Vec<Notice>,
}

const LEASE: u8 = 16;

impl LeaseRecord {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(LEASE);
        writer.duration(self.valid_for).duration(self.renewed_before);
        writer.number(self.notices.len() as u64);
        for notice in &self.notices {
            writer.bytes(&notice.id.0).number(notice.generation);
        }
        writer.finish()
    }

    fn decode(value: &[u8]) -> Result<Self, Unreadable> {
        let (LEASE, mut reader) = Reader::new(value)? else { return Err(Unreadable) };
        let (valid_for, renewed_before) = (reader.duration()?, reader.duration()?);
        let mut notices = Vec::new();
        for _ in 0..reader.count()? {
            notices.push(Notice { id: Id(*reader.array()?), generation: reader.number()? });
        }
        reader.finish()?;
        Ok(Self { valid_for, renewed_before, notices })
    }

    /// The record as it was read, to be written again: it does not become younger by that.
    fn aged(found: &Record) -> Result<Self, Unreadable> {
        let record = Self::decode(&found.value)?;
        let renewed_before = record.renewed_before.saturating_add(found.age);
        Ok(Self { renewed_before, ..record })
    }
}

/// How leases are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How long a lease is valid after a renewal.
    pub(super) valid_for: Duration,
    /// How long a session is kept without a connection.
    pub(super) session_ttl: Duration,
}

impl Terms {
    /// A lease's record has to be there for as long as a session may be resumed after the lease's
    /// end: if it is gone, the sessions have expired.
    fn ttl(self) -> Duration {
        self.valid_for + self.session_ttl + MARGIN
    }
}

/// The lease of this gateway.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) me: GatewayId,
    terms: Terms,
    clock: Clock,
    /// When it was renewed, in [`Micros`] and plus 1; 0: never.
    renewed: AtomicU64,
    /// The revision of the last renewal. Held over the calls, so that renewals do not compete with
    /// each other.
    last: Mutex<Option<Revision>>,
}

impl Lease {
    pub(super) fn new(terms: Terms, clock: Clock) -> Self {
        Self {
            me: GatewayId::random(),
            terms,
            clock,
            renewed: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// Whether half of its time is left at least.
    fn is_fresh(&self) -> bool {
        match self.renewed.load(Relaxed) {
            0 => false,
            renewed => Micros(renewed - 1).after(self.terms.valid_for / 2) > self.clock.now(),
        }
    }

    /// Makes sure that the lease is valid, so that a session can be attached to this gateway; else
    /// as [`Lease::renew`].
    ///
    /// # Errors
    /// [`Unavailable`]: it is not.
    pub(super) async fn ensure(
        &self,
        calls: &Calls,
        tell: impl Fn(Notice) + Send,
    ) -> Result<(), Unavailable> {
        if self.is_fresh() { Ok(()) } else { self.renew(calls, tell).await }
    }

    /// Renews the lease. `tell` gets the notices that other gateways have left, before they are
    /// deleted; one may come again. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: it may not be renewed.
    pub(super) async fn renew(
        &self,
        calls: &Calls,
        tell: impl Fn(Notice) + Send,
    ) -> Result<(), Unavailable> {
        let mut last = self.last.lock().await;
        for attempt in 0..calls::TRIES {
            calls::wait_before(attempt).await;
            let now = self.clock.now();
            let fresh = LeaseRecord {
                valid_for: self.terms.valid_for,
                renewed_before: Duration::ZERO,
                notices: Vec::new(),
            };
            let name = RecordName::Gateway(self.me);
            match calls.put(name, *last, fresh.encode(), self.terms.ttl()).await {
                Ok(revision) => {
                    *last = Some(revision);
                    self.renewed.store(now.0 + 1, Relaxed);
                    return Ok(());
                }
                Err(PutError::Unavailable(why)) => return Err(why),
                Err(PutError::Conflict) => {}
            }
            let found = calls.get(name).await?;
            *last = found.as_ref().map(|found| found.revision);
            let notices = found.and_then(|found| LeaseRecord::decode(&found.value).ok());
            notices.into_iter().flat_map(|lease| lease.notices).for_each(&tell);
        }
        Err(Unavailable)
    }
}

/// Since when the lease of `gateway` has ended; zero if it is valid. If this is long enough for its
/// sessions to have expired, it is proved by a compare-and-set.
///
/// # Errors
/// [`Unavailable`]
pub(super) async fn ended_since(
    gateway: GatewayId,
    terms: Terms,
    calls: &Calls,
) -> Result<Duration, Unavailable> {
    let name = RecordName::Gateway(gateway);
    for attempt in 0..calls::TRIES {
        calls::wait_before(attempt).await;
        let found = calls.get(name).await?;
        let (expected, lease) = match found.as_ref().map(|found| (found, LeaseRecord::aged(found)))
        {
            Some((found, Ok(lease))) => (Some(found.revision), lease),
            Some((_, Err(Unreadable))) => return Ok(Duration::ZERO),
            None => {
                let (valid_for, notices) = (Duration::ZERO, Vec::new());
                (None, LeaseRecord { valid_for, renewed_before: terms.session_ttl, notices })
            }
        };
        let ended = lease.renewed_before.saturating_sub(lease.valid_for);
        if ended < terms.session_ttl {
            return Ok(ended);
        }
        match calls.put(name, expected, lease.encode(), terms.ttl()).await {
            Ok(_) => return Ok(ended),
            Err(PutError::Conflict) => {}
            Err(PutError::Unavailable(why)) => return Err(why),
        }
    }
    Err(Unavailable)
}

/// Adds notices to the lease of `gateway`. One without a lease gets none: its sessions have
/// expired.
///
/// # Errors
/// [`Unavailable`]: the notices may not be there.
pub(super) async fn notify(
    gateway: GatewayId,
    notices: &[Notice],
    terms: Terms,
    calls: &Calls,
) -> Result<(), Unavailable> {
    let name = RecordName::Gateway(gateway);
    let mut has_lease = false;
    for attempt in 0..calls::TRIES {
        calls::wait_before(attempt).await;
        // A replica may not have it yet.
        let Some(found) = calls.get(name).await? else { continue };
        has_lease = true;
        let Ok(mut lease) = LeaseRecord::aged(&found) else { return Ok(()) };
        lease.notices.extend_from_slice(notices);
        let excess = lease.notices.len().saturating_sub(MAX_NOTICES);
        lease.notices.drain(..excess);
        match calls.put(name, Some(found.revision), lease.encode(), terms.ttl()).await {
            Ok(_) => return Ok(()),
            Err(PutError::Conflict) => {}
            Err(PutError::Unavailable(why)) => return Err(why),
        }
    }
    if has_lease { Err(Unavailable) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_reads_back(
            valid_for in any::<u32>(),
            renewed_before in any::<u32>(),
            notices in prop::collection::vec((any::<[u8; 16]>(), any::<u64>()), 0..10),
        ) {
            let lease = LeaseRecord {
                valid_for: Duration::from_millis(valid_for.into()),
                renewed_before: Duration::from_millis(renewed_before.into()),
                notices: notices.into_iter().map(|(id, generation)| Notice { id: Id(id), generation }).collect(),
            };
            let bytes = lease.encode();
            prop_assert_eq!(LeaseRecord::decode(&bytes), Ok(lease));
            prop_assert_eq!(LeaseRecord::decode(&bytes[..bytes.len() - 1]), Err(Unreadable));
        }
    }
}
