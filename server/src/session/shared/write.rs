//! One write of one session: the state at its begin, a compare-and-set, and what its outcome means
//! for what this gateway knows.

use super::{
    Shared, calls,
    entry::{Phase, Unsaved},
    record::{self, Holder, Opening, SessionRecord},
};
use crate::{
    chance,
    session::{
        Id, Unavailable,
        records::{PutError, RecordName, Revision},
    },
};
use hub::clock::Micros;
use std::time::Duration;

/// The least time between the end of a write of a session and its next one. It limits how often a
/// client that subscribes and unsubscribes all the time has its session written.
const GAP: Duration = Duration::from_millis(20);

/// The wait after a write that failed, doubled with each further one.
const BACKOFF: Duration = Duration::from_millis(100);

/// The longest wait after a write that failed.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Writes of an end that fail before it is given up: then the session ends by its record's `ttl`.
const TRIES_OF_AN_END: u32 = 6;

/// How long the end of a session stays on record that no other gateway has had.
const SHORT_END: Duration = Duration::from_secs(30);

/// The shortest time for which a record is kept.
const MIN_TTL: Duration = Duration::from_secs(1);

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Saved(Revision),
    /// It may be written or not.
    Failed,
    /// Another opening of the session is on record, or its end, or this opening never was.
    Overtaken,
}

/// A write that is under way. Dropped, it has failed.
struct Write<'a> {
    store: &'a Shared,
    id: Id,
    opening: Opening,
    is_end: bool,
    /// What it writes, if it succeeds.
    change: Unsaved,
    expected: Option<Revision>,
    value: Vec<u8>,
    ttl: Duration,
    outcome: Outcome,
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.store.finish(self);
    }
}

impl Shared {
    /// Writes what a session has; `None`: it is unknown, it is written already,
    /// or a write of it is under way.
    /// Cancel-safe: it is written later.
    pub(super) async fn save(&self, id: Id) -> Option<Outcome> {
        let mut write = self.begin_write(id)?;
        write.outcome = match self.settle(&mut write).await {
            Ok(outcome) => outcome,
            Err(Unavailable) => Outcome::Failed,
        };
        Some(write.outcome)
    }

    fn begin_write(&self, id: Id) -> Option<Write<'_>> {
        let mut entry = self.known.get_mut(&id)?;
        // Another task may have written it meanwhile; a detached session has no positions any more.
        let is_saved = entry.unsaved == Unsaved::Nothing;
        if entry.is_writing || (is_saved && !matches!(entry.phase, Phase::Attached(_))) {
            return None;
        }
        entry.is_writing = true;
        self.schedule.move_to(id, &mut entry.place, None);
        let change = std::mem::replace(&mut entry.unsaved, Unsaved::Nothing);
        let (opening, kept) = (entry.opening, &entry.kept);
        let (value, ttl) = match entry.phase {
            Phase::Attached(_) => {
                (record::encode(opening, Holder::Gateway(self.lease.me), kept), self.attached_ttl())
            }
            Phase::Detached(since, _) => {
                let idle = Duration::from_micros(self.clock.now().0.saturating_sub(since.0));
                let left = self.limits.ttl.saturating_sub(idle);
                (record::encode(opening, Holder::NoneFor(idle), kept), left)
            }
            Phase::Ending => (record::encode_end(opening), self.end_ttl(opening)),
        };
        Some(Write {
            store: self,
            id,
            opening,
            is_end: matches!(entry.phase, Phase::Ending),
            change,
            expected: entry.revision,
            value,
            ttl: ttl.max(MIN_TTL),
            outcome: Outcome::Failed,
        })
    }

    /// How long the record of a session with a connection is kept after its last write: until its
    /// gateway has missed some refreshes, and then for the time of a session without a connection.
    pub(super) fn attached_ttl(&self) -> Duration {
        self.timing.refresh * 3 + self.limits.ttl
    }

    /// How long the end of a session stays on record: until each gateway that had it has tried to
    /// refresh it.
    pub(super) fn end_ttl(&self, opening: Opening) -> Duration {
        if opening.generation == 0 { SHORT_END } else { self.timing.refresh * 2 }
    }

    /// Tries until it is known whether the record is written.
    async fn settle(&self, write: &mut Write<'_>) -> Result<Outcome, Unavailable> {
        let name = RecordName::Session(write.id);
        let mut expected = write.expected.map(Some);
        for attempt in 0..calls::TRIES {
            calls::wait_before(attempt).await;
            if let Some(expected) = expected {
                match self.calls.put(name, expected, write.value.clone(), write.ttl).await {
                    Ok(revision) => return Ok(Outcome::Saved(revision)),
                    Err(PutError::Conflict) => {}
                    Err(PutError::Unavailable(why)) => return Err(why),
                }
            }
            let Some(found) = self.calls.get(name).await? else {
                if write.is_end {
                    return Ok(Outcome::Overtaken);
                }
                // The data was lost: as long as the session is known here, it is written anew.
                expected = Some(None);
                continue;
            };
            let on_record = match record::decode(&found.value) {
                Ok(SessionRecord::Kept(opening, ..)) => opening,
                Ok(SessionRecord::Ended(_)) | Err(_) => return Ok(Outcome::Overtaken),
            };
            expected = if on_record.generation > write.opening.generation
                || (on_record.generation == write.opening.generation && on_record != write.opening)
            {
                return Ok(Outcome::Overtaken);
            } else if on_record == write.opening || write.expected.is_some() {
                // Its own: an answer was lost. An older opening, although this one was on record:
                // the read is out of date, which the next try proves, or the data went back.
                Some(Some(found.revision))
            } else {
                // It is not known whether this opening has ever reached the record.
                None
            };
        }
        // Time enough for a read to become right: it has not.
        Ok(if expected.is_none() { Outcome::Overtaken } else { Outcome::Failed })
    }

    fn finish(&self, write: &Write<'_>) {
        let is_gone = match self.known.get_mut(&write.id) {
            Some(mut entry) if entry.opening == write.opening => {
                entry.is_writing = false;
                let now = self.clock.now();
                let is_gone = match write.outcome {
                    Outcome::Saved(revision) => {
                        entry.revision = Some(revision);
                        entry.failures = 0;
                        entry.not_before = now.after(GAP);
                        let is_saved = entry.unsaved == Unsaved::Nothing;
                        if is_saved && matches!(entry.phase, Phase::Detached(..)) {
                            entry.kept.positions = record::PositionMap::default();
                        }
                        is_saved && matches!(entry.phase, Phase::Ending)
                    }
                    Outcome::Failed => {
                        entry.unsaved = entry.unsaved.max(write.change).max(Unsaved::Positions);
                        entry.failures = entry.failures.saturating_add(1);
                        entry.not_before = now.after(backoff(entry.failures));
                        let is_end = matches!(entry.phase, Phase::Ending);
                        is_end && entry.failures >= TRIES_OF_AN_END
                    }
                    Outcome::Overtaken => true,
                };
                if !is_gone {
                    self.plan(write.id, &mut entry);
                }
                is_gone
            }
            _ => false,
        };
        if is_gone
            && let Some(listener) = self.forget(write.id, |entry| entry.opening == write.opening)
        {
            listener.taken_over();
        }
        self.written.notify_waiters();
    }

    /// Notes a change, and when it is to be written. A session that has more urgent changes costs
    /// nothing.
    pub(super) fn change(&self, id: Id, entry: &mut super::Entry, change: Unsaved) {
        if change > entry.unsaved {
            entry.unsaved = change;
            // The end of a write that is under way plans the next one.
            if !entry.is_writing {
                self.plan(id, entry);
            }
        }
    }

    /// Gives a session that is not being written its place in the schedule.
    pub(super) fn plan(&self, id: Id, entry: &mut super::Entry) {
        let now = self.clock.now();
        let at = match (entry.unsaved, &entry.phase) {
            (Unsaved::Subscriptions, _) => Some(now),
            (Unsaved::Positions, _) => Some(now.after(self.timing.positions)),
            (Unsaved::Nothing, Phase::Attached(_)) => Some(now.after(self.refresh_after())),
            (Unsaved::Nothing, Phase::Detached(..) | Phase::Ending) => None,
        };
        let not_before: Micros = entry.not_before;
        self.schedule.move_to(id, &mut entry.place, at.map(|at| at.max(not_before)));
    }

    /// Sessions that were opened together are not refreshed together.
    fn refresh_after(&self) -> Duration {
        chance::part_of(self.timing.refresh, 0.75)
    }
}

fn backoff(failures: u32) -> Duration {
    let wait = BACKOFF * 2u32.saturating_pow(failures.saturating_sub(1).min(10));
    chance::part_of(wait.min(MAX_BACKOFF), 0.5)
}
