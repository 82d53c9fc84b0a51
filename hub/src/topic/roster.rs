//! A topic's live subscribers: those that get what is appended from now on.
//!
//! A pass of the fan-out takes the list *out* and puts it back at its end, so that it needs no lock
//! while it delivers. Subscriptions that begin or end meanwhile are added or removed when the list
//! is put back.

use super::sink::Liveness;
use crate::pending::{Chunk, Pending};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// One subscriber in one topic.
#[derive(Debug)]
pub(crate) struct Member<S> {
    pub(crate) sink: Arc<S>,
    pub(crate) liveness: Liveness,
    /// Its index in `Roster::members`; protected by the topic's lock.
    slot: AtomicU32,
}

impl<S> Member<S> {
    pub(super) fn new(sink: Arc<S>) -> Self {
        Self { sink, liveness: Liveness::live(), slot: AtomicU32::new(0) }
    }
}

/// A subscriber that joined while bytes were pending: it gets the bytes behind `from`.
#[derive(Debug)]
pub(crate) struct Joining<S> {
    pub(crate) member: Arc<Member<S>>,
    pub(crate) from: u64,
    /// How many messages the topic had that this subscriber does not get.
    pub(crate) count: u64,
}

/// The live subscribers of one topic.
#[derive(Debug)]
pub(super) struct Roster<S> {
    /// How many are live: in `members`, in a pass or in `joining`.
    live: u32,
    /// A pass has the members.
    away: bool,
    /// A subscription has ended whose member is still in the list that a pass has taken, or in
    /// `joining`.
    left_meanwhile: bool,
    members: Vec<Arc<Member<S>>>,
    joining: Vec<Joining<S>>,
}

impl<S> Default for Roster<S> {
    fn default() -> Self {
        Self {
            live: 0,
            away: false,
            left_meanwhile: false,
            members: Vec::new(),
            joining: Vec::new(),
        }
    }
}

impl<S> Roster<S> {
    /// Whether no subscriber is live.
    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Adds `member`: it gets what is appended from now on, and nothing that is pending now.
    pub(super) fn add(&mut self, member: Arc<Member<S>>, pending: &Pending) {
        self.live += 1;
        if self.away || !pending.is_empty() {
            self.joining.push(Joining { member, from: pending.end(), count: pending.count() });
        } else {
            self.admit(member);
        }
    }

    fn admit(&mut self, member: Arc<Member<S>>) {
        member.slot.store(self.members.len() as u32, Relaxed);
        self.members.push(member);
    }

    /// Removes a live member in constant time. If it is not in the list (a pass has the list, or
    /// the member is still joining), it is removed when the pass ends.
    pub(super) fn remove(&mut self, member: &Arc<Member<S>>) {
        self.live -= 1;
        let slot = member.slot.load(Relaxed) as usize;
        if self.members.get(slot).is_some_and(|found| Arc::ptr_eq(found, member)) {
            self.members.swap_remove(slot);
            if let Some(moved) = self.members.get(slot) {
                moved.slot.store(slot as u32, Relaxed);
            }
        } else {
            self.left_meanwhile = true;
        }
    }

    /// Hands all members over to a pass, until [`Roster::put_back`].
    pub(super) fn take(&mut self) -> (Vec<Arc<Member<S>>>, Vec<Joining<S>>) {
        self.away = true;
        (std::mem::take(&mut self.members), std::mem::take(&mut self.joining))
    }

    /// Puts back the members of a pass that has delivered `chunk`. A subscriber that joined behind
    /// the chunk stays in `joining`, unless `nothing_is_pending`; all others are members now.
    pub(super) fn put_back(
        &mut self,
        (mut members, joining): (Vec<Arc<Member<S>>>, Vec<Joining<S>>),
        chunk: &Chunk,
        nothing_is_pending: bool,
    ) {
        let (mut waiting, mut arrived): (Vec<_>, Vec<_>) =
            joining.into_iter().partition(|joining| joining.from > chunk.end());
        waiting.append(&mut self.joining);
        if nothing_is_pending {
            arrived.append(&mut waiting);
        }
        if std::mem::take(&mut self.left_meanwhile) {
            members.retain(|member| member.liveness.is_live());
            for (slot, member) in members.iter().enumerate() {
                member.slot.store(slot as u32, Relaxed);
            }
            arrived.retain(|joining| joining.member.liveness.is_live());
            waiting.retain(|joining| joining.member.liveness.is_live());
        }
        self.members = members;
        self.away = false;
        self.joining = waiting;
        arrived.into_iter().for_each(|joining| self.admit(joining.member));
    }

    /// Drops what a pass that never ends has left behind. Only valid if no subscriber is live.
    pub(super) fn clear(&mut self) {
        self.away = false;
        self.joining.clear();
    }
}
