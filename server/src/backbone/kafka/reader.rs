//! The reader: one for each gateway, of all partitions. It reads every record, so it knows what is a
//! repeat and what a topic's last message is, it answers the gateway's publishes, and it delivers the
//! records of attached topics.

use super::{
    Fleet,
    client::Consumer,
    partition::{Partition, Taken, Unsettled},
    record::{Body, Entry},
    repeats::Verdict,
    waiting::Answer,
};
use crate::backbone::{Head, Record};
use hub::topic::Name;
use protocol::MessageId;
use rdkafka::{error::KafkaError, message::BorrowedMessage, types::RDKafkaErrorCode};
use serde_json::value::RawValue;
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Records that are taken before other tasks run.
const RECORDS_AT_ONCE: usize = 64;

pub(super) struct Reader {
    fleet: Arc<Fleet>,
    pub(super) consumer: Arc<Consumer>,
    over: CancellationToken,
}

/// The log did not give what it has to give.
#[derive(Debug)]
pub(super) struct NotRead;

impl Reader {
    pub(super) fn new(fleet: Arc<Fleet>, consumer: Consumer, over: CancellationToken) -> Self {
        Self { fleet, consumer: Arc::new(consumer), over }
    }

    /// Reads until the session is over.
    pub(super) async fn run(&self) {
        let _ = self.read_until(std::future::pending::<()>(), Duration::MAX).await;
        self.over.cancel();
    }

    /// Reads until `end`.
    ///
    /// # Errors
    /// [`NotRead`]: nothing came for `silence`, or the session is over.
    pub(super) async fn read_until<T>(
        &self,
        end: impl Future<Output = T>,
        silence: Duration,
    ) -> Result<T, NotRead> {
        let mut end = pin!(end);
        let mut is_silent = pin!(sleep_until(after(silence)));
        loop {
            for _ in 0..RECORDS_AT_ONCE {
                tokio::select! {
                    biased;
                    done = &mut end => return Ok(done),
                    () = self.over.cancelled() => return Err(NotRead),
                    message = self.consumer.recv() => {
                        match message {
                            Ok(message) => self.take(&message).map_err(|Unsettled| NotRead)?,
                            Err(error) if may_pass(&error) => {}
                            Err(error) => {
                                tracing::debug!(%error, "the log cannot be read on");
                                return Err(NotRead);
                            }
                        }
                    }
                    () = &mut is_silent => return Err(NotRead),
                }
                if silence != Duration::MAX {
                    is_silent.as_mut().reset(after(silence));
                }
            }
            yield_now().await;
        }
    }

    fn take(&self, message: &BorrowedMessage<'_>) -> Result<(), Unsettled> {
        let entry = Entry::read(message);
        let Some(partition) = self.fleet.partitions.get(entry.partition) else { return Ok(()) };
        let taken = partition.take(&entry)?;
        if let (Taken::Message { topic, prev, verdict: Verdict::First }, Body::Message(message)) =
            (&taken, &entry.body)
            && let Some(epoch) = partition.epoch()
        {
            self.fleet.attachments.deliver(topic, || {
                Some(Record {
                    epoch: epoch.clone(),
                    seq_no: entry.seq_no(),
                    prev: Some(*prev),
                    message_id: message.message_id.clone().into_owned(),
                    data: RawValue::from_string(message.data.to_owned()).ok()?,
                    age: age(entry.time),
                })
            });
        }
        if let Some(by) = entry.by {
            self.fleet.waiting.read(by, || match taken {
                Taken::Message { verdict: Verdict::Repeat(place), .. } => Answer::Duplicate(place),
                _ => Answer::Stored(entry.seq_no()),
            });
        }
        Ok(())
    }

    /// Tells the head of every attached topic: the life has changed, or records were passed over.
    pub(super) fn tell_heads(&self, partition: &Partition) {
        for topic in self.fleet.attachments.topics() {
            if self.fleet.partition_of(&topic).index == partition.index
                && let Some(head) = head(partition, &topic)
            {
                self.fleet.attachments.tell_head(&topic, &head);
            }
        }
    }
}

/// What the reader knows of a topic's end. `None`: it is not settled what the log is.
pub(super) fn head(partition: &Partition, topic: &Name) -> Option<Head> {
    let state = partition.state.lock();
    let (seq_no, message_id): (u64, Option<MessageId<'static>>) = state.head(topic);
    let epoch = state.adopted.as_ref()?.epoch.clone();
    Some(Head { epoch, seq_no, message_id })
}

/// How long ago a record was stored, as far as the clocks agree.
pub(super) fn age(time: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(time))
}

/// Far enough for what has no end.
fn after(silence: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + silence.min(FAR)
}

/// The library tries again by itself.
pub(super) fn may_pass(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::PartitionEOF
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    })
}
