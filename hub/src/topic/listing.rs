//! A topic's entries in the lists of all topics: with neither subscriber nor history it is among
//! the idle ones, with history among those that are trimmed. Both lists are exact: a topic enters
//! and leaves them in the same step, under its lock, in which its state changes.

use super::{Account, Sink, State, Topic};
use crate::{
    clock::Micros,
    histories::{Class, class},
    history::History,
    slot::Slot,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// A topic's entries in the lists.
#[derive(Debug, Default)]
pub(super) struct Listing {
    idle: Option<Slot>,
    kept: Option<Slot>,
    /// The class in which it is listed: that of its size, or one above.
    class: Class,
}

impl<S: Sink> Topic<S> {
    /// The account of its owner.
    pub(crate) fn owner(&self) -> &Arc<Account> {
        &self.owner
    }

    /// Lists a new topic.
    pub(crate) fn list_new(self: &Arc<Self>) {
        self.update_idle(&mut self.state.lock());
    }

    /// Lists the topic among the idle ones if it is idle now, and removes it from them if it is
    /// not.
    pub(super) fn update_idle(self: &Arc<Self>, state: &mut State<S>) {
        // The history of a topic that follows a log is also kept in the log.
        let is_unused =
            self.subscribers() == 0 && (self.is_following || state.log.history.is_empty());
        match state.listing.idle {
            None if is_unused && !state.retired => self.list_idle(state),
            Some(slot) if !is_unused => self.unlist_idle(state, slot),
            _ => {}
        }
    }

    fn list_idle(self: &Arc<Self>, state: &mut State<S>) {
        state.listing.idle = Some(self.shared.idle.lock().insert(
            &self.owner.number,
            self.idle_since(),
            0,
            self.clone(),
        ));
    }

    fn unlist_idle(&self, state: &mut State<S>, slot: Slot) {
        state.listing.idle = None;
        self.shared.idle.lock().remove(slot);
    }

    /// Forgets the topic if it is idle and was not used after `before`. True: it is retired. If it
    /// was used, it is listed by its actual time of use.
    pub(crate) fn retire(self: &Arc<Self>, before: Micros) -> bool {
        let mut state = self.state.lock();
        let Some(slot) = state.listing.idle else { return false };
        let since = self.idle_since();
        if since > before {
            self.shared.idle.lock().pass_on(slot, &self.owner.number, since);
            return false;
        }
        state.retired = true;
        self.unlist_idle(&mut state, slot);
        let head = state.log.head;
        self.change_history(&mut state, |history| history.begin_again(head));
        let following = state.log.following.take();
        drop(state);
        // Dropping it ends an attachment, which may take other locks.
        drop(following);
        true
    }

    /// Drops messages that have reached their age.
    pub(crate) fn trim(self: &Arc<Self>, now: Micros) {
        let mut state = self.state.lock();
        self.change_history(&mut state, |history| history.trim(now));
        if let (Some(slot), Some(due)) = (state.listing.kept, state.log.history.due()) {
            self.shared.histories.lock().set_due(slot, due);
        }
    }

    /// Drops the oldest messages, whatever the topic's limits are; or, if the topic has shrunk
    /// since it was listed among the large ones, lists it by its actual size instead. False:
    /// nothing was dropped.
    pub(crate) fn give(self: &Arc<Self>) -> bool {
        let mut state = self.state.lock();
        let actual = class(state.log.history.footprint());
        if actual < state.listing.class {
            self.list_kept(&mut state, actual);
            return false;
        }
        self.change_history(&mut state, History::drop_oldest);
        true
    }

    pub(super) fn change_history(
        self: &Arc<Self>,
        state: &mut State<S>,
        change: impl FnOnce(&mut History),
    ) {
        let before = state.log.history.footprint();
        change(&mut state.log.history);
        self.history_changed(state, before);
    }

    /// Counts a change of the history's memory, which was `before`.
    pub(super) fn history_changed(self: &Arc<Self>, state: &mut State<S>, before: usize) {
        let after = state.log.history.footprint();
        if before == after {
            return;
        }
        self.shared.account(&self.owner, before, after);
        let actual = class(after);
        // A topic that has shrunk by less than two classes may grow again.
        if actual > state.listing.class || actual + 1 < state.listing.class || after == 0 {
            self.list_kept(state, actual);
        }
        if before == 0 || after == 0 {
            if after == 0 {
                self.touch();
            }
            self.update_idle(state);
        }
    }

    /// Lists the topic among those with history, or removes it from them.
    fn list_kept(self: &Arc<Self>, state: &mut State<S>, class: Class) {
        state.listing.class = class;
        let (owner, now) = (self.owner.number, self.shared.now());
        let mut histories = self.shared.histories.lock();
        match (state.listing.kept, state.log.history.due()) {
            (None, Some(due)) => {
                state.listing.kept = Some(histories.insert(self.clone(), owner, class, due, now))
            }
            (Some(slot), Some(_)) => histories.set_class(slot, owner, class, now),
            (Some(slot), None) => {
                state.listing.kept = None;
                histories.remove(slot);
            }
            (None, None) => {}
        }
    }

    /// Notes that the topic is used now.
    pub(super) fn touch(&self) {
        self.idle_since.store(self.shared.now().0, Relaxed);
    }

    fn idle_since(&self) -> Micros {
        Micros(self.idle_since.load(Relaxed))
    }

    /// Compares its entries in the lists with its state.
    #[cfg(test)]
    pub(crate) fn audit(&self) -> Audited {
        let state = self.state.lock();
        let (bytes, is_empty) = (state.log.history.footprint(), state.log.history.is_empty());
        let found = Audited {
            is_idle: state.listing.idle.is_some(),
            is_kept: state.listing.kept.is_some(),
            bytes,
        };
        assert_eq!(
            found.is_idle,
            self.subscribers() == 0 && (is_empty || self.is_following),
            "{}",
            self.name()
        );
        assert_eq!((found.is_kept, is_empty), (bytes > 0, bytes == 0), "{}", self.name());
        assert!(
            (class(bytes)..=class(bytes) + 1).contains(&state.listing.class)
                || bytes == 0 && state.listing.class == 0
        );
        found
    }
}

/// The lists that have the topic.
#[cfg(test)]
pub(crate) struct Audited {
    pub(crate) is_idle: bool,
    pub(crate) is_kept: bool,
    pub(crate) bytes: usize,
}
