//! Parts of topics' logs. Kafka cannot look for a topic's records in a partition, so a part is read
//! by going through all records of a range. One scan serves all topics of the partition that wait
//! for one, and gives up its place after a while, with what it has found.

use super::{
    Fleet,
    client::Consumer,
    partition::Partition,
    reader::{age, may_pass},
    record::{Body, Entry},
    repeats::{Repeats, Verdict},
    session::{assign_one, offset_for},
};
use crate::backbone::{Part, ReadBudget, ReadError, Record, Unavailable};
use hub::topic::Name;
use protocol::Epoch;
use rdkafka::message::BorrowedMessage;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// Questions that wait; further ones wait for a place.
const WAITING: usize = 1_024;

/// A scan ends after this, with what it has found, so that others get their turn.
const TURN: Duration = Duration::from_millis(500);

/// A log that gives nothing for this long cannot be read.
const SILENCE: Duration = Duration::from_secs(3);

/// Records that are looked at before other tasks run.
const RECORDS_AT_ONCE: usize = 64;

/// Asks for parts.
#[derive(Debug)]
pub(super) struct Scans(mpsc::Sender<Question>);

#[derive(Debug)]
struct Question {
    partition: usize,
    topic: Name,
    epoch: Arc<Epoch<'static>>,
    after: u64,
    /// The topic has no message above it, as far as the reader had read...
    last: u64,
    /// ...which was up to here.
    end: u64,
    budget: ReadBudget,
    tell: oneshot::Sender<Part>,
}

impl Scans {
    /// The work is done by the future, until the session is over.
    pub(super) fn new(
        fleet: Arc<Fleet>,
        consumer: Consumer,
        over: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (ask, asked) = mpsc::channel(WAITING);
        let scanner = Scanner { fleet, consumer: Arc::new(consumer), old: None };
        (Self(ask), work(scanner, asked, over))
    }

    /// What the log has of a topic behind `after`, as far as the reader has read. Cancel-safe.
    ///
    /// # Errors
    /// [`ReadError`]
    pub(super) async fn read(
        &self,
        partition: &Partition,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> Result<Part, ReadError> {
        let present = partition.epoch().ok_or(Unavailable)?;
        if *present != *epoch {
            return Err(ReadError::AnotherLife);
        }
        let (last, end) = {
            let state = partition.state.lock();
            (state.heads.head(topic).0, state.position())
        };
        if last <= after {
            // At `after`, if the reader has not come so far: nothing is proved.
            return Ok(Part { after, records: Vec::new(), up_to: end.max(after) });
        }
        let (tell, told) = oneshot::channel();
        let (partition, topic) = (partition.index, topic.clone());
        let question =
            Question { partition, topic, epoch: present, after, last, end, budget, tell };
        self.0.send(question).await.map_err(|_| Unavailable)?;
        Ok(told.await.map_err(|_| Unavailable)?)
    }
}

async fn work(mut scanner: Scanner, mut asked: mpsc::Receiver<Question>, over: CancellationToken) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match asked.recv().await {
                Some(question) => waiting.push_back(question),
                None => return,
            }
        }
        while waiting.len() < WAITING
            && let Ok(question) = asked.try_recv()
        {
            waiting.push_back(question);
        }
        waiting.retain(|question: &Question| !question.tell.is_closed());
        let Some(first) = waiting.front() else { continue };
        let partition = first.partition;
        let (turn, others) = waiting.into_iter().partition(|of| of.partition == partition);
        waiting = others;
        match scanner.scan(partition, turn).await {
            Ok(unanswered) => waiting.extend(unanswered),
            // The session has ended, or will: questions are asked again in the next one.
            Err(Unavailable) if over.is_cancelled() => return,
            Err(Unavailable) => {}
        }
    }
}

struct Scanner {
    fleet: Arc<Fleet>,
    consumer: Arc<Consumer>,
    /// Where the last scan of what the reader has not read has ended, with what it knows there.
    old: Option<Old>,
}

/// Decides on records before those of which the reader knows.
struct Old {
    partition: usize,
    /// The next offset.
    at: u64,
    repeats: Repeats,
}

/// A question and what was found for it.
struct Search {
    question: Question,
    after: u64,
    records: Vec<Record>,
    bytes: usize,
}

impl Search {
    fn answer(self, up_to: u64) {
        let Self { question, after, records, .. } = self;
        // The question may have been dropped.
        let _ = question.tell.send(Part { after, records, up_to: up_to.max(after) });
    }

    /// Whether there is room for one more.
    fn takes(&self, bytes: usize) -> bool {
        let ReadBudget { messages, bytes: most } = self.question.budget;
        self.records.is_empty()
            || self.records.len() < messages && self.bytes.saturating_add(bytes) <= most
    }

    fn last(&self) -> Option<u64> {
        self.records.last().map(|record| record.seq_no)
    }
}

impl Scanner {
    /// Goes through a partition for these questions; gives back those that have got no answer.
    async fn scan(
        &mut self,
        partition: usize,
        questions: VecDeque<Question>,
    ) -> Result<Vec<Question>, Unavailable> {
        self.fleet.scans.fetch_add(1, Relaxed);
        let searches = questions.into_iter().map(|question| Search {
            after: question.after,
            question,
            records: Vec::new(),
            bytes: 0,
        });
        let mut searches: Vec<_> = searches.collect();
        searches.sort_by_key(|search| search.after);
        let Some(lowest) = searches.first().map(|search| search.after) else {
            return Ok(Vec::new());
        };
        let of = self.fleet.partitions[partition].clone();
        let (mut at, mut old) = self.begin(&of, lowest).await?;
        let mut searches = Searches::new(searches);
        // What comes before the first question is only read to know what is a repeat.
        let mut deadline = None;
        let mut seen = 0_usize;
        while let Some(end) = searches.end() {
            if at >= end || deadline.is_some_and(|deadline| Instant::now() > deadline) {
                break;
            }
            let message = self.next().await?;
            let entry = Entry::read(&message);
            if entry.offset < at || entry.partition != partition {
                continue;
            }
            if entry.offset > at {
                searches.cut(at, entry.offset);
            }
            at = entry.offset + 1;
            let is_repeat = is_repeat(&of, old.as_mut(), &entry);
            if at > lowest {
                deadline.get_or_insert_with(|| Instant::now() + TURN);
                if !is_repeat {
                    searches.take(&entry);
                }
            }
            seen += 1;
            if seen.is_multiple_of(RECORDS_AT_ONCE) {
                yield_now().await;
            }
        }
        self.old = old.map(|repeats| Old { partition, at, repeats });
        let is_same = of.epoch().is_some_and(|epoch| searches.are_of(&epoch));
        if !is_same {
            return Err(Unavailable);
        }
        Ok(searches.finish(at))
    }

    /// Assigns the offset to read from.
    async fn begin(
        &mut self,
        partition: &Partition,
        lowest: u64,
    ) -> Result<(u64, Option<Repeats>), Unavailable> {
        let name = &self.fleet.settings.name;
        let index = partition.index;
        let failed = |error| {
            tracing::debug!(%error, "the log cannot be scanned");
            Unavailable
        };
        let kept = self.old.take();
        if lowest >= partition.state.lock().sure_from() {
            assign_one(&self.consumer, name, index, lowest).await.map_err(failed)?;
            return Ok((lowest, None));
        }
        if let Some(old) = kept.filter(|old| old.partition == index && old.at <= lowest)
            && old.repeats.is_sure()
        {
            assign_one(&self.consumer, name, index, old.at).await.map_err(failed)?;
            return Ok((old.at, Some(old.repeats)));
        }
        // A window before the first record that is asked for.
        assign_one(&self.consumer, name, index, lowest).await.map_err(failed)?;
        let time = loop {
            let message = self.next().await?;
            let entry = Entry::read(&message);
            if entry.offset >= lowest && entry.partition == index {
                break entry.time;
            }
        };
        let settings = &self.fleet.settings;
        let window = u64::try_from(settings.window.as_millis()).unwrap_or(u64::MAX);
        let begin = time.saturating_sub(window);
        let found = offset_for(&self.consumer, name, index, begin).await.map_err(failed)?;
        let at = found.map_or(lowest, |found| found.min(lowest));
        assign_one(&self.consumer, name, index, at).await.map_err(failed)?;
        let unread = (at > 0).then_some(begin);
        Ok((at, Some(Repeats::new(settings.window, settings.max_keys, unread))))
    }

    async fn next(&self) -> Result<BorrowedMessage<'_>, Unavailable> {
        loop {
            match timeout(SILENCE, self.consumer.recv()).await {
                Ok(Ok(message)) => return Ok(message),
                Ok(Err(error)) if may_pass(&error) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the log cannot be scanned");
                    return Err(Unavailable);
                }
                Err(_) => return Err(Unavailable),
            }
        }
    }
}

/// As the reader has decided, or as `old` does if the reader has not read it.
fn is_repeat(partition: &Partition, old: Option<&mut Repeats>, entry: &Entry<'_>) -> bool {
    let state = partition.state.lock();
    let by_reader = (entry.offset >= state.sure_from()).then(|| state.is_rejected(entry.offset));
    drop(state);
    let Some(old) = old else { return by_reader.unwrap_or(false) };
    old.pass(entry.time);
    let Body::Message(message) = &entry.body else { return false };
    // Its place is not needed.
    let topic = Arc::new(message.topic.clone().into_owned());
    let verdict = old.judge(message.key, entry.time, &topic, entry.seq_no());
    by_reader.unwrap_or(matches!(verdict, Verdict::Repeat(_)))
}

/// What is searched for in one scan.
struct Searches {
    all: Vec<Option<Search>>,
    by_topic: HashMap<Name, Vec<usize>, ahash::RandomState>,
}

impl Searches {
    fn new(searches: Vec<Search>) -> Self {
        let mut by_topic = HashMap::<_, Vec<_>, _>::default();
        for (i, search) in searches.iter().enumerate() {
            by_topic.entry(search.question.topic.clone()).or_default().push(i);
        }
        Self { all: searches.into_iter().map(Some).collect(), by_topic }
    }

    /// The number up to which something is searched for; `None`: nothing is.
    fn end(&self) -> Option<u64> {
        self.all.iter().flatten().map(|search| search.question.last).max()
    }

    fn are_of(&self, epoch: &Epoch<'static>) -> bool {
        self.all.iter().flatten().all(|search| *search.question.epoch == *epoch)
    }

    /// The log has dropped what was between these offsets.
    fn cut(&mut self, at: u64, next: u64) {
        for place in &mut self.all {
            match place {
                Some(search) if !search.records.is_empty() => {
                    if let Some(search) = place.take() {
                        search.answer(at);
                    }
                }
                Some(search) => search.after = search.after.max(next),
                None => {}
            }
        }
    }

    fn take(&mut self, entry: &Entry<'_>) {
        let Body::Message(message) = &entry.body else { return };
        let Some(indices) = self.by_topic.get(&message.topic.clone().into_owned()) else { return };
        for index in indices {
            let place = &mut self.all[*index];
            let Some(search) = place else { continue };
            if entry.seq_no() <= search.after || entry.seq_no() > search.question.end {
                continue;
            }
            if !search.takes(message.data.len()) {
                let up_to = search.last().unwrap_or(search.after);
                if let Some(search) = place.take() {
                    search.answer(up_to);
                }
                continue;
            }
            // What is no JSON was not published by a gateway.
            let Ok(data) = RawValue::from_string(message.data.to_owned()) else { continue };
            search.bytes += message.data.len();
            search.records.push(Record {
                epoch: search.question.epoch.clone(),
                seq_no: entry.seq_no(),
                prev: None,
                message_id: message.message_id.clone().into_owned(),
                data,
                age: age(entry.time),
            });
        }
    }

    /// All before `at` was looked at. Gives back what has not got its turn.
    fn finish(self, at: u64) -> Vec<Question> {
        let mut unanswered = Vec::new();
        for search in self.all.into_iter().flatten() {
            let end = search.question.end;
            if at >= search.question.last {
                search.answer(end);
            } else if at > search.after {
                search.answer(at);
            } else {
                unanswered.push(search.question);
            }
        }
        unanswered
    }
}
