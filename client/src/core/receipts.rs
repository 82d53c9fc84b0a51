//! Receipts of what the user has handled, sent lazily: the highest number of each topic, together.

use protocol::{Epoch, Receipt, SeqNo, Topic};
use std::{collections::BTreeMap, time::Duration};

/// How long a receipt may wait for others.
const LAZY: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Receipts {
    handled: BTreeMap<Topic<'static>, (SeqNo, Epoch<'static>)>,
    due: Option<Duration>,
}

impl Receipts {
    pub(super) fn add(
        &mut self,
        topic: Topic<'static>,
        seq: SeqNo,
        epoch: Epoch<'static>,
        now: Duration,
    ) {
        self.handled.insert(topic, (seq, epoch));
        self.due.get_or_insert(now.saturating_add(LAZY));
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// All that wait.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Receipt<'static>> + use<> {
        self.due = None;
        std::mem::take(&mut self.handled).into_iter().map(|(topic, (seq_no, epoch))| Receipt {
            topic,
            seq_no,
            epoch: Some(epoch),
        })
    }
}
