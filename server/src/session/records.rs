//! The seam below [`Shared`](super::Shared): what a server has to offer so that gateways can share
//! sessions. It is small on purpose, a map from names to bytes with revisions, so that any
//! key-value server fits.
//!
//! What is asked of an implementation:
//!
//! - **Compare and set is exact.** Of two [`Records::put`] with the same expected revision at most
//!   one succeeds, on every gateway and through every failure of the server that it promises to
//!   survive.
//! - **Everything else may be wrong for a moment.** [`Records::get`] may give an older revision, or
//!   nothing although there is a record. A call that failed may have been carried out. [`Shared`]
//!   answers no client before a compare-and-set has proved what it has read.
//! - **Ages, not times.** [`Record::age`] is measured by one clock, the server's, if it has one:
//!   the clocks of gateways are never compared.
//! - **A record is kept for its time** unless it is replaced: it never goes before its `ttl`, and
//!   soon after it. Seconds that are not whole are rounded up.
//! - **A value as large as a session.** It takes about 20 bytes more than its topics' names for
//!   each subscription; `limits.max_subscriptions` decides whether it fits into what the server
//!   takes. An implementation checks this at its start.
//!
//! [`Shared`]: super::Shared

use super::{Id, Unavailable};
use crate::chance;
use futures_util::future::BoxFuture;
use ring::digest::{SHA256, digest};
use std::{fmt, time::Duration};

/// One life of a gateway: 128 random bits, drawn when its store is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GatewayId(pub(super) [u8; 16]);

impl GatewayId {
    pub(super) fn random() -> Self {
        Self(chance::draw())
    }
}

impl fmt::Debug for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayId({:032x})", u128::from_be_bytes(self.0))
    }
}

/// The name of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordName {
    /// Of a session.
    Session(Id),
    /// Of a gateway: its lease.
    Gateway(GatewayId),
}

impl RecordName {
    /// In the alphabet that every server takes for names: a letter for the kind, then 32
    /// hexadecimal digits. Of a session's id, which is a secret, it is the digest: a name may be
    /// seen by operators and in logs.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Session(id) => {
                let digest = digest(&SHA256, &id.0);
                let digits = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}"));
                format!("s{}", digits.collect::<String>())
            }
            Self::Gateway(id) => format!("g{:032x}", u128::from_be_bytes(id.0)),
        }
    }
}

/// Which write a record is from. Opaque: compared for equality, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub u64);

/// A record that was read.
#[derive(Debug, Clone)]
pub struct Record {
    /// The write that it is from.
    pub revision: Revision,
    /// What was written.
    pub value: Vec<u8>,
    /// How long ago it was written. May be less than the truth by the time that the answer took.
    pub age: Duration,
}

/// Why a record is not known to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Certainly not written: the record has another revision than expected.
    #[error("the record has changed")]
    Conflict,
    /// The server does not answer. The record may be written, or may still be.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A map of records that several gateways share. The caller limits how long it waits for each
/// call; a call that is dropped may still be carried out.
pub trait Records: fmt::Debug + Send + Sync {
    /// Reads a record; `None`: there is none. Either may be out of date.
    ///
    /// # Errors
    /// [`Unavailable`]
    fn get(&self, name: RecordName) -> BoxFuture<'static, Result<Option<Record>, Unavailable>>;

    /// Writes a record if it has the revision `expected`, or, with `None`, if there is no record.
    /// One that has expired is none.
    ///
    /// # Errors
    /// [`PutError`]
    fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Revision, PutError>>;
}
