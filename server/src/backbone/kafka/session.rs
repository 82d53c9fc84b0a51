//! What runs over one set of clients, from the moment at which it is settled what the log is until
//! something puts that in doubt: all brokers are away, the log gives nothing back, another life has
//! begun. The next session settles it anew, and goes on where this one has read to if it can.

use super::{
    Fleet,
    barrier::Barriers,
    client::{self, Consumer, Context, Producer},
    error::StartError,
    health,
    partition::{Begin, Next, Partition},
    reader::{self, Reader},
    record::{By, Writing},
    scan::Scans,
    settings::Settings,
    topic,
    waiting::Held,
};
use crate::backbone::Unavailable;
use futures_util::future::join_all;
use rdkafka::{
    Offset, TopicPartitionList, consumer::Consumer as _, error::KafkaError, producer::BaseRecord,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// For one question about offsets.
const LIMIT: Duration = Duration::from_secs(2);

/// A log that gives nothing for this long while it is being settled is given up.
const SILENCE: Duration = Duration::from_secs(3);

/// Proposals and further looks, before the session is given up.
const TRIES: usize = 16;

/// Records that are read before the window begins, so that a log that was quiet for a window says
/// in which life it is.
const LEAST_RECORDS: u64 = 64;

pub(super) struct Session {
    producer: Arc<Producer>,
    barriers: Vec<Barriers>,
    pub(super) scans: Scans,
    /// Cancelled at the end.
    pub(super) over: CancellationToken,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// Writes into the log.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) fleet: Arc<Fleet>,
    producer: Arc<Producer>,
}

impl Session {
    /// Settles what the log is. The reader has to be run.
    ///
    /// # Errors
    /// [`StartError`]
    pub(super) async fn open(
        fleet: &Arc<Fleet>,
        is_first: bool,
    ) -> Result<(Arc<Self>, Reader), StartError> {
        let settings = &fleet.settings;
        let over = CancellationToken::new();
        let context = || Context {
            waiting: fleet.waiting.clone(),
            partitions: fleet.partitions.clone(),
            over: over.clone(),
        };
        let producer = Arc::new(client::producer(settings, context())?);
        let consumer = client::consumer(settings, context(), "error")?;
        // Behind the clients, which connect meanwhile.
        topic::ensure(settings, is_first).await?;
        let reader = Reader::new(fleet.clone(), consumer, over.clone());
        let writer = Writer { fleet: fleet.clone(), producer: producer.clone() };
        settle(&writer, &reader).await?;
        for partition in &fleet.partitions {
            partition.set_reachable(true);
        }
        let mut tasks = Vec::new();
        let mut barriers = Vec::new();
        for partition in &fleet.partitions {
            let (writer, of) = (writer.clone(), partition.clone());
            let (asked, work) = Barriers::new(move || {
                let held = writer.write(&of, Writing::Barrier);
                async move { held.ok_or(Unavailable)?.number().await }
            });
            tasks.push(tokio::spawn(work));
            let probe = health::probe(partition.clone(), asked.clone(), over.clone());
            tasks.push(tokio::spawn(probe));
            barriers.push(asked);
        }
        let scanner = client::consumer(settings, context(), "earliest")?;
        let (scans, work) = Scans::new(fleet.clone(), scanner, over.clone());
        tasks.push(tokio::spawn(work));
        let tasks = tasks.into_iter().map(AbortOnDropHandle::new).collect();
        Ok((Arc::new(Self { producer, barriers, scans, over, _tasks: tasks }), reader))
    }

    pub(super) fn writer(&self, fleet: &Arc<Fleet>) -> Writer {
        Writer { fleet: fleet.clone(), producer: self.producer.clone() }
    }

    /// Until the reader has read everything that was stored before the call. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]
    pub(super) async fn pass_barrier(&self, partition: usize) -> Result<(), Unavailable> {
        self.barriers[partition].pass().await
    }
}

impl Writer {
    /// Hands a record over. `None`: there is no room for it, or it is too large.
    pub(super) fn write(&self, partition: &Partition, writing: Writing<'_>) -> Option<Held> {
        let (topic, data) = match &writing {
            Writing::Message(message, _) => (message.topic.as_str(), message.data.get()),
            Writing::Barrier | Writing::NewLife(_) => ("", ""),
        };
        let held = self.fleet.waiting.hold(partition.index, partition.position(), data.len())?;
        let By { ticket, .. } = held.by();
        let mut record = BaseRecord::with_opaque_to(
            &self.fleet.settings.name,
            usize::try_from(ticket).unwrap_or(usize::MAX),
        )
        .partition(i32::try_from(partition.index).unwrap_or(i32::MAX))
        .headers(writing.headers(held.by(), partition.life()));
        if !topic.is_empty() {
            record = record.key(topic).payload(data);
        }
        match self.producer.send(record) {
            Ok(()) => Some(held),
            Err((error, _)) => {
                tracing::debug!(%error, "a record was not taken");
                None
            }
        }
    }
}

/// Reads every partition up to a record of this gateway, and finds out its life.
async fn settle(writer: &Writer, reader: &Reader) -> Result<(), StartError> {
    let fleet = &writer.fleet;
    let failed = |reason: &str| StartError::Log {
        topic: fleet.settings.name.clone(),
        reason: reason.to_owned(),
    };
    let mut unread: Vec<_> =
        fleet.partitions.iter().map(|partition| (partition.clone(), false)).collect();
    let mut proposals = Vec::new();
    let mut offsets: Vec<_> = vec![0; fleet.partitions.len()];
    for _ in 0..TRIES {
        if !unread.is_empty() {
            for (partition, is_whole) in unread.drain(..) {
                let begin = begin(&reader.consumer, fleet, &partition, is_whole).await;
                let begin = begin.map_err(|error| failed(&error.to_string()))?;
                offsets[partition.index] = partition.begin(begin);
            }
            for partition in &fleet.partitions {
                offsets[partition.index] =
                    offsets[partition.index].max(partition.position().saturating_sub(1));
            }
            assign(&reader.consumer, &fleet.settings.name, &offsets)
                .await
                .map_err(|error| failed(&error.to_string()))?;
        }
        let mut written = Vec::new();
        for partition in &fleet.partitions {
            let life = proposals.iter().find(|(of, _)| *of == partition.index);
            let writing = life.map_or(Writing::Barrier, |(_, life)| Writing::NewLife(*life));
            let held = writer.write(partition, writing);
            written.push(held.ok_or_else(|| failed("it takes no record"))?.number());
        }
        proposals.clear();
        let read = reader.read_until(join_all(written), SILENCE).await;
        let numbers =
            read.map_err(|reader::NotRead| failed("it does not give back what is written"))?;
        if numbers.iter().any(Result::is_err) {
            return Err(failed("it does not take a record"));
        }
        for partition in &fleet.partitions {
            match partition.settle() {
                Next::Settled { is_new: true } => reader.tell_heads(partition),
                Next::Settled { is_new: false } => {}
                Next::Propose(life) => {
                    tracing::info!(
                        topic = fleet.settings.name,
                        partition = partition.index,
                        "a new life of the numbering begins"
                    );
                    proposals.push((partition.index, life));
                }
                Next::ReadAll => unread.push((partition.clone(), true)),
            }
        }
        if unread.is_empty() && proposals.is_empty() {
            return Ok(());
        }
    }
    Err(failed("it cannot be settled in which life its numbering is"))
}

/// Where the reader of a partition begins. `is_whole`: with everything that the log has.
async fn begin(
    consumer: &Arc<Consumer>,
    fleet: &Fleet,
    partition: &Partition,
    is_whole: bool,
) -> Result<Begin, KafkaError> {
    let (low, high) = watermarks(consumer, &fleet.settings.name, partition.index).await?;
    if !is_whole && partition.can_go_on((low, high)) {
        return Ok(Begin::GoOn);
    }
    if is_whole {
        return Ok(Begin::At { offset: low, low, time: 0 });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let Settings { window, clocks, .. } = *fleet.settings;
    let time = now.saturating_sub(window + clocks);
    let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let found = offset_for(consumer, &fleet.settings.name, partition.index, time).await?;
    let offset = found.unwrap_or(high).min(high.saturating_sub(LEAST_RECORDS)).max(low);
    Ok(Begin::At { offset, low, time })
}

/// The first offset of a partition, and the next one that will be given.
async fn watermarks(
    consumer: &Arc<Consumer>,
    name: &str,
    partition: usize,
) -> Result<(u64, u64), KafkaError> {
    let (consumer, name) = (consumer.clone(), name.to_owned());
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    let (low, high) = blocking(move || consumer.fetch_watermarks(&name, partition, LIMIT)).await?;
    let offset = |offset| u64::try_from(offset).unwrap_or(0);
    Ok((offset(low), offset(high)))
}

/// The first offset whose record is not older than `time`, in milliseconds since 1970. `None`: all
/// records are.
///
/// # Errors
/// As the client library says.
pub(super) async fn offset_for(
    consumer: &Arc<Consumer>,
    name: &str,
    partition: usize,
    time: u64,
) -> Result<Option<u64>, KafkaError> {
    let (consumer, name) = (consumer.clone(), name.to_owned());
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    blocking(move || {
        let mut asked = TopicPartitionList::new();
        let time = Offset::Offset(i64::try_from(time).unwrap_or(i64::MAX));
        asked.add_partition_offset(&name, partition, time)?;
        let found = consumer.offsets_for_times(asked, LIMIT)?;
        let found = found.find_partition(&name, partition).map(|found| found.offset());
        Ok(match found {
            Some(Offset::Offset(offset)) => u64::try_from(offset).ok(),
            _ => None,
        })
    })
    .await
}

/// Reads from these offsets on, one for each partition.
async fn assign(consumer: &Arc<Consumer>, name: &str, offsets: &[u64]) -> Result<(), KafkaError> {
    let (consumer, name) = (consumer.clone(), name.to_owned());
    let mut list = TopicPartitionList::new();
    for (partition, offset) in (0..).zip(offsets) {
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        list.add_partition_offset(&name, partition, offset)?;
    }
    blocking(move || consumer.assign(&list)).await
}

/// Reads one partition from this offset on.
///
/// # Errors
/// As the client library says.
pub(super) async fn assign_one(
    consumer: &Arc<Consumer>,
    name: &str,
    partition: usize,
    offset: u64,
) -> Result<(), KafkaError> {
    let consumer = consumer.clone();
    let mut list = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    list.add_partition_offset(name, i32::try_from(partition).unwrap_or(i32::MAX), offset)?;
    blocking(move || consumer.assign(&list)).await
}

/// Waits for the client library on a thread for such work.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    let done = tokio::task::spawn_blocking(work);
    // The library has time limits of its own; one that did not hold would stop everything here.
    timeout(2 * LIMIT, done).await.map_or(Err(KafkaError::Canceled), |done| {
        done.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    })
}
