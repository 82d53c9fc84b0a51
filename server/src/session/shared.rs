//! Sessions that several gateways share, over the small seam [`Records`].
//!
//! | module | idea |
//! |---|---|
//! | `open` | resuming and beginning; what a client is told is proved |
//! | `write` | one write of one session |
//! | `schedule` | which session is to be written when |
//! | `lease` | one lease for all sessions of a gateway |
//! | `notices` | telling other gateways what this one has taken over |
//! | `entry` | what this gateway knows of a session |
//! | `record`, `encoding` | the record of a session, as bytes |
//! | `calls` | calls of the seam, each with a time limit |
//!
//! Locks: the list of detached sessions → a shard of the map → the schedule. None is held over an
//! await.

mod calls;
mod encoding;
mod entry;
mod lease;
mod notices;
mod open;
mod record;
mod schedule;
#[cfg(test)]
mod tests;
mod write;

use super::{
    Counts, Fence, Id, Limits, Opened, Position, Store, TakeoverListener, Unavailable,
    detached::{Detached, SLICE},
    records::Records,
};
use calls::Calls;
use dashmap::{DashMap, Entry as Place};
use entry::{Entry, Phase, Unsaved};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use hub::clock::{Clock, Micros};
use lease::{Lease, Notice, Terms};
use notices::Notices;
use parking_lot::Mutex;
use protocol::{Topic, UserId};
use record::{Kept, Opening};
use schedule::Schedule;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// Writes of sessions that are under way at once.
const WRITES_AT_ONCE: usize = 64;

/// Ends of sessions that wait to be written. Of more the record ends by its time.
const MAX_ENDING: usize = 10_000;

/// The wait before a renewal of the lease that failed is repeated.
const RETRY_RENEWAL: Duration = Duration::from_millis(500);

/// How long [`Shared`] waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The longest that one call of [`Records`] may take.
    pub call: Duration,
    /// The longest that opening a session may take, all its calls together.
    pub open: Duration,
    /// How long a lease is valid after a renewal; it is renewed five times in this time. A gateway
    /// that another one takes a session from learns of it after a fifth of it, and the time of
    /// some calls.
    pub lease: Duration,
    /// How long a position waits for others before it is written.
    pub positions: Duration,
    /// How long after its last write a session with a connection is written again, so that its
    /// record does not end, and so that a takeover is found of which no notice came.
    pub refresh: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(1),
            open: Duration::from_secs(5),
            lease: Duration::from_secs(15),
            positions: Duration::from_secs(1),
            refresh: Duration::from_secs(300),
        }
    }
}

/// Sessions that several gateways share. All of them must have the same [`Limits::ttl`].
///
/// A session has one record. It names the gateway that has a connection for the session, and the
/// opening of the session that the record is from; each opening and each write is a compare-and-set
/// on it. So of two gateways that write, one learns that it has been overtaken: by its next write,
/// or by a notice in its lease.
///
/// **What is written when.** Which subscriptions there are, and that a connection has ended, is
/// written at once; positions wait for [`Timing::positions`]. A write that fails is repeated; what
/// waits is the session's state itself, not a queue of changes.
///
/// **Limits.** No server counts the sessions of a fleet, so a gateway holds the limits on detached
/// sessions for those that it has detached itself: a fleet keeps at most the limit times its
/// gateways. One that another gateway has resumed since counts until its time is over. Sessions of
/// a gateway that was killed are limited by [`Limits::ttl`] alone. In this process the positions of
/// a detached session are kept only until they are written, and at most within the same limits.
///
/// **If the records cannot be reached**, [`Store::open`] is [`Unavailable`]; sessions that are open
/// continue, and are written when the records are back. A write that succeeded without an answer is
/// recognised by its opening. If the records have lost their data, sessions with a connection are
/// written again; those without are gone.
#[derive(Debug)]
pub struct Shared {
    limits: Limits,
    timing: Timing,
    terms: Terms,
    clock: Clock,
    calls: Calls,
    lease: Lease,
    notices: Notices,
    /// Sessions that this gateway has opened: with a connection, detached within [`Limits::ttl`],
    /// or about to end.
    known: DashMap<Id, Entry, ahash::RandomState>,
    detached: Mutex<Detached>,
    ending: AtomicUsize,
    schedule: Schedule,
    /// A write has ended.
    written: Notify,
}

impl Shared {
    /// The store of one gateway. Its sessions are those in `records`.
    #[must_use]
    pub fn new(records: Arc<dyn Records>, limits: Limits, timing: Timing, clock: Clock) -> Self {
        let terms = Terms { valid_for: timing.lease, session_ttl: limits.ttl };
        Self {
            limits,
            timing,
            terms,
            clock,
            calls: Calls::new(records, timing.call),
            lease: Lease::new(terms, clock),
            notices: Notices::default(),
            known: DashMap::default(),
            detached: Mutex::new(Detached::new(limits)),
            ending: AtomicUsize::new(0),
            schedule: Schedule::default(),
            written: Notify::new(),
        }
    }

    /// Adds a session that was opened, unless a later opening is known. The one that it replaces
    /// is overtaken. Another opening of the same generation has not reached the record.
    fn know(&self, id: Id, entry: Entry) {
        self.know_with(id, |known, new| known.generation <= new.generation, |_, _| entry);
    }

    /// Adds a session whose opening may be on record or not, and has no connection: what is not
    /// known yet is found out by its write. A new session, of which no client knows, ends.
    fn know_abandoned(&self, id: Id, opening: Opening, kept: Kept) {
        let is_new = opening.generation == 0;
        if is_new && self.ending.load(Relaxed) >= MAX_ENDING {
            return;
        }
        let user = kept.user.clone();
        let is_later = |known: Opening, new: Opening| known.generation < new.generation;
        self.know_with(id, is_later, |detached, now| {
            let phase = if is_new {
                self.ending.fetch_add(1, Relaxed);
                Phase::Ending
            } else {
                let slot = detached.insert(&kept.user, now, kept.positions.len(), id);
                Phase::Detached(now, slot)
            };
            Entry { unsaved: Unsaved::Subscriptions, ..Entry::new(opening, kept, phase) }
        });
        self.drop_excess(&mut self.detached.lock(), &user);
    }

    /// `replaces`: whether a new opening takes the place of the one that is known.
    fn know_with(
        &self,
        id: Id,
        replaces: impl FnOnce(Opening, Opening) -> bool,
        entry: impl FnOnce(&mut Detached, Micros) -> Entry,
    ) {
        let mut detached = self.detached.lock();
        let mut entry = entry(&mut detached, self.clock.now());
        let loser = match self.known.entry(id) {
            Place::Occupied(mut known) => {
                if replaces(known.get().opening, entry.opening) {
                    let before = known.get_mut();
                    self.schedule.move_to(id, &mut before.place, None);
                    self.plan(id, &mut entry);
                    Some(known.insert(entry))
                } else {
                    Some(entry)
                }
            }
            Place::Vacant(place) => {
                self.plan(id, &mut entry);
                place.insert(entry);
                None
            }
        };
        let listener = loser.and_then(|loser| self.release(&mut detached, loser));
        drop(detached);
        if let Some(listener) = listener {
            listener.taken_over();
        }
    }

    /// Gives back what the phase of a session holds that is not known any more.
    fn release(&self, detached: &mut Detached, entry: Entry) -> Option<Arc<dyn TakeoverListener>> {
        match entry.phase {
            Phase::Attached(listener) => return Some(listener),
            Phase::Detached(_, slot) => drop(detached.remove(slot)),
            Phase::Ending => drop(self.ending.fetch_sub(1, Relaxed)),
        }
        None
    }

    /// Forgets a session if it `is_it`. Gives the connection that has it.
    fn forget(&self, id: Id, is_it: impl Fn(&Entry) -> bool) -> Option<Arc<dyn TakeoverListener>> {
        let mut detached = self.detached.lock();
        let (_, mut entry) = self.known.remove_if(&id, |_, entry| is_it(entry))?;
        self.schedule.move_to(id, &mut entry.place, None);
        self.release(&mut detached, entry)
    }

    /// Another gateway may have opened a session: a write finds out. It does not wait because
    /// earlier ones have failed: the notice shows that the records can be reached.
    fn heed(&self, notice: Notice) {
        if let Some(mut entry) = self.known.get_mut(&notice.id)
            && entry.opening.generation < notice.generation
            && matches!(entry.phase, Phase::Attached(_))
        {
            (entry.failures, entry.not_before) = (0, self.clock.now());
            entry.unsaved = Unsaved::Subscriptions;
            // The end of a write that is under way plans the next one.
            if !entry.is_writing {
                self.plan(notice.id, &mut entry);
            }
        }
    }

    /// Lets the oldest detached sessions end that are beyond a limit.
    fn drop_excess(&self, detached: &mut Detached, user: &UserId<'static>) {
        while let Some(id) = detached.pop_excess(user) {
            if !self.let_end(id) {
                self.known.remove(&id);
            }
        }
    }

    /// A session that holds nothing any more is to end. False: there are too many of that kind.
    fn let_end(&self, id: Id) -> bool {
        let Some(mut entry) = self.known.get_mut(&id) else { return true };
        let has_room = self.ending.load(Relaxed) < MAX_ENDING;
        if has_room {
            self.ending.fetch_add(1, Relaxed);
            entry.phase = Phase::Ending;
            entry.kept.positions = record::PositionMap::default();
            self.change(id, &mut entry, Unsaved::Subscriptions);
        } else {
            self.schedule.move_to(id, &mut entry.place, None);
        }
        has_room
    }

    /// Does `act` if `fence` has not been overtaken, as far as this gateway knows.
    fn with<T>(&self, fence: Fence, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut entry = self.known.get_mut(&fence.id)?;
        (entry.opening.fence(fence.id) == fence).then(|| act(&mut entry))
    }

    /// Writes what is due, for ever.
    async fn write_what_is_due(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < WRITES_AT_ONCE
                && let Some(id) = self.schedule.pop(self.clock.now())
            {
                under_way.push(self.save(id));
            }
            let has_room = under_way.len() < WRITES_AT_ONCE;
            tokio::select! {
                Some(_) = under_way.next(), if !under_way.is_empty() => {}
                () = self.schedule.changed(&self.clock), if has_room => {}
            }
        }
    }

    /// Renews the lease, for ever.
    async fn renew_the_lease(&self) {
        let mut is_reachable = true;
        loop {
            let renewed = self.lease.renew(&self.calls, |notice| self.heed(notice)).await;
            match (renewed, is_reachable) {
                (Err(_), true) => tracing::warn!("the records of sessions cannot be reached"),
                (Ok(()), false) => tracing::info!("the records of sessions are reached again"),
                _ => {}
            }
            is_reachable = renewed.is_ok();
            sleep(if is_reachable { self.timing.lease / 5 } else { RETRY_RENEWAL }).await;
        }
    }

    /// Sessions with changes that are not known to be written.
    fn unsaved(&self) -> Vec<Id> {
        let is_unsaved = |entry: &Entry| entry.is_writing || entry.unsaved != Unsaved::Nothing;
        self.known.iter().filter(|entry| is_unsaved(entry)).map(|entry| *entry.key()).collect()
    }

    async fn write_all(&self) {
        loop {
            let written = self.written.notified();
            let unsaved = self.unsaved();
            if unsaved.is_empty() {
                return;
            }
            for some in unsaved.chunks(WRITES_AT_ONCE) {
                join_all(some.iter().map(|id| self.save(*id))).await;
            }
            // The rest is being written by another task, or has failed.
            drop(timeout(RETRY_RENEWAL, written).await);
        }
    }
}

impl Store for Shared {
    fn open(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        listener: Arc<dyn TakeoverListener>,
    ) -> BoxFuture<'static, Result<Opened, Unavailable>> {
        self.open_in_time(user, wanted, listener).boxed()
    }

    fn put(&self, fence: Fence, topic: &Arc<Topic<'static>>, position: Position) {
        self.with(fence, |entry| {
            let change = match entry.kept.positions.get_mut(topic) {
                Some(known) if *known == position => return,
                Some(known) => {
                    *known = position;
                    Unsaved::Positions
                }
                None => {
                    entry.kept.positions.insert(topic.clone(), position);
                    Unsaved::Subscriptions
                }
            };
            self.change(fence.id, entry, change);
        });
    }

    fn remove(&self, fence: Fence, topic: &Topic<'static>) {
        self.with(fence, |entry| {
            if entry.kept.positions.swap_remove(topic).is_some() {
                self.change(fence.id, entry, Unsaved::Subscriptions);
            }
        });
    }

    fn detach(&self, fence: Fence) {
        let mut detached = self.detached.lock();
        let now = self.clock.now();
        let user = self.with(fence, |entry| {
            entry.kept.positions.shrink_to_fit();
            let (user, subscriptions) = (entry.kept.user.clone(), entry.kept.positions.len());
            let slot = detached.insert(&user, now, subscriptions, fence.id);
            entry.phase = Phase::Detached(now, slot);
            self.change(fence.id, entry, Unsaved::Subscriptions);
            user
        });
        if let Some(user) = user {
            self.drop_excess(&mut detached, &user);
        }
    }

    fn end(&self, fence: Fence) {
        let _detached = self.detached.lock();
        if self.with(fence, |_| ()).is_some() && !self.let_end(fence.id) {
            self.known.remove(&fence.id);
        }
    }

    fn counts(&self) -> Counts {
        let detached = self.detached.lock();
        Counts {
            sessions: self.known.len().saturating_sub(self.ending.load(Relaxed)),
            detached: detached.sum().count,
            dropped: detached.dropped(),
        }
    }

    fn expire_some(&self) -> bool {
        let now = self.clock.now();
        let mut detached = self.detached.lock();
        let begin = detached.sum();
        while let Some(id) = detached.pop_expired(now) {
            if let Some((_, mut entry)) = self.known.remove(&id) {
                self.schedule.move_to(id, &mut entry.place, None);
            }
            let left = detached.sum();
            if begin.count - left.count + begin.weight - left.weight >= SLICE {
                return true;
            }
        }
        false
    }

    fn background(self: Arc<Self>) -> Option<BoxFuture<'static, ()>> {
        let work = async move {
            let notices = self.notices.deliver(self.terms, &self.calls);
            tokio::join!(self.renew_the_lease(), self.write_what_is_due(), notices);
        };
        Some(work.boxed())
    }

    fn flush(self: Arc<Self>) -> Option<BoxFuture<'static, ()>> {
        let work = async move {
            if timeout(self.timing.open, self.write_all()).await.is_err() {
                tracing::warn!("{} sessions could not be written", self.unsaved().len());
            }
        };
        Some(work.boxed())
    }
}
