//! Parts of logs that lie below a topic's history, for subscribers that resume there. Many that
//! resume the same topic share one read; the pages that were read last are kept within a limit.

use super::{Reach, follower::as_hub};
use crate::backbone::{ReadBudget, ReadError, Unavailable};
use hub::{
    Sink, Topic,
    topic::{Name, Page, Says},
};
use parking_lot::Mutex;
use protocol::Epoch;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};
use tokio::{
    sync::{Mutex as Turn, Semaphore},
    task::yield_now,
};

/// What one page holds.
const BUDGET: ReadBudget = ReadBudget { messages: 512, bytes: 256 * 1024 };

/// Records that are encoded, and perhaps signed, before other tasks run.
const RECORDS_AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct Pages<S: Sink> {
    reach: Arc<Reach<S>>,
    shelf: Mutex<Shelf>,
    /// Topics of which a page is wanted now.
    wanted: Mutex<HashMap<Name, Wanted>>,
    /// Reads of logs at the same time.
    reads: Semaphore,
}

/// The pages that were read last, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    pages: VecDeque<(Arc<Name>, Arc<Page>)>,
    /// Bytes of memory that they take.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Wanted {
    /// One task reads, the others wait for what it gets.
    turn: Arc<Turn<()>>,
    /// The positions of all that read or wait, each with how many do.
    positions: BTreeMap<u64, usize>,
}

impl<S: Sink> Pages<S> {
    pub(super) fn new(reach: Arc<Reach<S>>) -> Self {
        let reads = Semaphore::new(reach.limits.reads);
        Self { reach, shelf: Mutex::default(), wanted: Mutex::default(), reads }
    }

    /// A page that says something of the position `after`, which lies below the topic's history.
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: the log could not be read.
    pub(super) async fn get(
        &self,
        topic: &Arc<Topic<S>>,
        epoch: &Arc<Epoch<'static>>,
        after: u64,
    ) -> Result<Arc<Page>, Unavailable> {
        let find = || self.shelf.lock().find(topic.name(), epoch, after);
        if let Some(page) = find() {
            return Ok(page);
        }
        let waiting = Waiting::new(&self.wanted, topic.name(), after);
        let _turn = waiting.turn.lock().await;
        // One read from the lowest position serves all that wait, unless it does not get as far.
        for from in [waiting.lowest(), after] {
            if let Some(page) = find() {
                return Ok(page);
            }
            let page = Arc::new(self.read(topic, epoch, from).await?);
            self.shelf.lock().put(topic.name().clone(), page, self.reach.limits.page_bytes);
        }
        find().ok_or(Unavailable)
    }

    async fn read(
        &self,
        topic: &Arc<Topic<S>>,
        epoch: &Arc<Epoch<'static>>,
        from: u64,
    ) -> Result<Page, Unavailable> {
        let _permit = self.reads.acquire().await.map_err(|_| Unavailable)?;
        // The topic's own history has what lies above.
        let end = topic.floor();
        let nothing = || Page::new(epoch.clone(), from, end.max(from + 1));
        let part = match self.reach.read(topic.name(), epoch, from, BUDGET).await {
            Ok(part) => part,
            Err(ReadError::Unavailable(why)) => return Err(why),
            Err(ReadError::AnotherLife) => return Ok(nothing()),
        };
        if part.up_to <= from && part.after <= from {
            return Err(Unavailable);
        }
        let (limits, now) = (topic.keeps(), topic.now());
        let records: Vec<_> =
            part.records.into_iter().filter(|record| record.seq_no <= end).collect();
        // The topic keeps no more and nothing older than its history may, although the log does.
        let room = limits.messages.saturating_sub(topic.kept());
        let excess = records.len().saturating_sub(room);
        let is_hidden = |(at, record): (usize, &crate::backbone::Record)| {
            at < excess || now.before(record.age).after(limits.age) <= now
        };
        let hidden = records.iter().enumerate().rposition(is_hidden);
        let floor = hidden.map_or(part.after, |last| records[last].seq_no);
        let mut page = Page::new(epoch.clone(), from, floor);
        for (i, record) in records.iter().skip(hidden.map_or(0, |last| last + 1)).enumerate() {
            topic.put_page(&mut page, &as_hub(record, now));
            if i % RECORDS_AT_ONCE == RECORDS_AT_ONCE - 1 {
                yield_now().await;
            }
        }
        page.skip_to(part.up_to.min(end));
        Ok(page)
    }
}

impl Shelf {
    fn find(&self, name: &Name, epoch: &Epoch<'_>, after: u64) -> Option<Arc<Page>> {
        let says = |page: &Page| page.says(epoch.as_str(), after);
        let mut pages = self.pages.iter().rev();
        let found = pages.find(|(of, page)| **of == *name && says(page) != Says::Nothing);
        found.map(|(_, page)| page.clone())
    }

    /// The newest page stays in any case.
    fn put(&mut self, name: Arc<Name>, page: Arc<Page>, limit: usize) {
        self.bytes += page.footprint();
        self.pages.push_back((name, page));
        while self.bytes > limit
            && self.pages.len() > 1
            && let Some((_, oldest)) = self.pages.pop_front()
        {
            self.bytes -= oldest.footprint();
        }
    }
}

/// A task that wants a page of a topic.
struct Waiting<'a> {
    wanted: &'a Mutex<HashMap<Name, Wanted>>,
    name: &'a Name,
    position: u64,
    turn: Arc<Turn<()>>,
}

impl<'a> Waiting<'a> {
    fn new(wanted: &'a Mutex<HashMap<Name, Wanted>>, name: &'a Name, position: u64) -> Self {
        let mut locked = wanted.lock();
        let entry = locked.entry(name.clone()).or_default();
        *entry.positions.entry(position).or_default() += 1;
        let turn = entry.turn.clone();
        drop(locked);
        Self { wanted, name, position, turn }
    }

    fn lowest(&self) -> u64 {
        let wanted = self.wanted.lock();
        let lowest = wanted.get(self.name).and_then(|wanted| wanted.positions.first_key_value());
        lowest.map_or(self.position, |(position, _)| *position)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut wanted = self.wanted.lock();
        let Some(entry) = wanted.get_mut(self.name) else { return };
        if let Some(count) = entry.positions.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                entry.positions.remove(&self.position);
            }
        }
        if entry.positions.is_empty() {
            wanted.remove(self.name);
        }
    }
}
