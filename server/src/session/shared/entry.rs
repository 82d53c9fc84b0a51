//! What this gateway knows of a session, and what of it is not written yet.

use super::record::{Kept, Opening};
use crate::session::{TakeoverListener, records::Revision};
use hub::{clock::Micros, slot::Slot};
use std::{fmt, sync::Arc};

/// A session that this gateway has opened. What waits to be written is the state itself, so a
/// store that cannot be reached makes nothing grow.
pub(super) struct Entry {
    pub(super) opening: Opening,
    /// Without positions once it is detached and written.
    pub(super) kept: Kept,
    pub(super) phase: Phase,
    /// That of the last write. `None`: it is not known which of this gateway's writes have reached
    /// the record, if any.
    pub(super) revision: Option<Revision>,
    pub(super) unsaved: Unsaved,
    /// A write is under way. There is never a second one, so that none overtakes another.
    pub(super) is_writing: bool,
    /// Its place in the schedule; `None` while it is being written.
    pub(super) place: Option<Micros>,
    /// The next write comes no earlier.
    pub(super) not_before: Micros,
    /// Writes that failed in a row.
    pub(super) failures: u32,
}

pub(super) enum Phase {
    /// A connection of this gateway has it.
    Attached(Arc<dyn TakeoverListener>),
    /// It has had no connection since then; its place among the detached ones.
    Detached(Micros, Slot),
    /// It ends as soon as this is written.
    Ending,
}

/// What has changed since the last write began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unsaved {
    Nothing,
    /// Positions, which wait for more of them.
    Positions,
    /// Something that is written at once: which subscriptions there are, or whether a connection
    /// has the session.
    Subscriptions,
}

impl Entry {
    pub(super) fn new(opening: Opening, kept: Kept, phase: Phase) -> Self {
        Self {
            opening,
            kept,
            phase,
            revision: None,
            unsaved: Unsaved::Nothing,
            is_writing: false,
            place: None,
            not_before: Micros::default(),
            failures: 0,
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("opening", &self.opening)
            .field("positions", &self.kept.positions.len())
            .field("unsaved", &self.unsaved)
            .finish_non_exhaustive()
    }
}
