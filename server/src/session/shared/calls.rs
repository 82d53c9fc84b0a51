//! Calls of [`Records`], each with a time limit.

use crate::{
    chance,
    session::{
        Unavailable,
        records::{PutError, Record, RecordName, Records, Revision},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// Tries of a compare-and-set that conflicts, each after another read.
pub(super) const TRIES: u32 = 6;

/// The wait before the second try, doubled before each further one.
const BACKOFF: Duration = Duration::from_millis(20);

/// Waits before a read is repeated: a replica needs a moment to follow. `attempt` counts from 0.
pub(super) async fn wait_before(attempt: u32) {
    if attempt > 0 {
        let wait = BACKOFF * 2u32.pow(attempt - 1);
        sleep(chance::part_of(wait, 0.5)).await;
    }
}

/// The records, and how long a call of them may take.
#[derive(Debug)]
pub(super) struct Calls {
    records: Arc<dyn Records>,
    limit: Duration,
}

impl Calls {
    pub(super) fn new(records: Arc<dyn Records>, limit: Duration) -> Self {
        Self { records, limit }
    }

    /// As [`Records::get`]; a call that takes too long is [`Unavailable`].
    pub(super) async fn get(&self, name: RecordName) -> Result<Option<Record>, Unavailable> {
        timeout(self.limit, self.records.get(name)).await.unwrap_or(Err(Unavailable))
    }

    /// As [`Records::put`]; a call that takes too long is [`PutError::Unavailable`].
    pub(super) async fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<Revision, PutError> {
        let put = self.records.put(name, expected, value, ttl);
        timeout(self.limit, put).await.unwrap_or(Err(Unavailable.into()))
    }
}
