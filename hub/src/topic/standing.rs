//! Where a topic stands among all topics: with neither subscriber nor history among the idle ones,
//! with history among those that are trimmed. Both lists are exact: a topic enters and leaves them
//! in the same step of its lock in which it becomes so.

use super::{Account, Log, Sink, Topic};
use crate::{
    clock::Micros,
    history::History,
    kept::{Class, class},
    slot::Slot,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// A topic's places in the lists.
#[derive(Debug, Default)]
pub(super) struct Standing {
    idle: Option<Slot>,
    kept: Option<Slot>,
    /// The class in which it is listed: that of its size or one above.
    class: Class,
}

impl<S: Sink> Topic<S> {
    /// Whose it is.
    pub(crate) fn owner(&self) -> &Arc<Account> {
        &self.owner
    }

    /// Finds the place of a topic that is new.
    pub(crate) fn settle_now(self: &Arc<Self>) {
        self.settle(&mut self.log.lock());
    }

    /// Lists it among the idle ones if it is idle now, and takes it out if it is not.
    pub(super) fn settle(self: &Arc<Self>, log: &mut Log<S>) {
        // The history of one that is numbered elsewhere is not only here.
        let is_unused = self.subscribers() == 0 && (self.is_following || log.history.is_empty());
        match log.standing.idle {
            None if is_unused && !log.retired => self.list_idle(log),
            Some(slot) if !is_unused => self.unlist_idle(log, slot),
            _ => {}
        }
    }

    fn list_idle(self: &Arc<Self>, log: &mut Log<S>) {
        log.standing.idle = Some(self.shared.idle.lock().insert(
            &self.owner.number,
            self.idle_since(),
            0,
            self.clone(),
        ));
    }

    fn unlist_idle(&self, log: &mut Log<S>, slot: Slot) {
        log.standing.idle = None;
        self.shared.idle.lock().remove(slot);
    }

    /// Forgets the topic if it is idle and was not used after `before`. True: it is retired. If it
    /// was used, it takes its true place among the idle ones.
    pub(crate) fn retire(self: &Arc<Self>, before: Micros) -> bool {
        let mut log = self.log.lock();
        let Some(slot) = log.standing.idle else { return false };
        let since = self.idle_since();
        if since > before {
            self.shared.idle.lock().pass_on(slot, &self.owner.number, since);
            return false;
        }
        log.retired = true;
        self.unlist_idle(&mut log, slot);
        let head = log.head;
        self.change_history(&mut log, |history| history.begin_again(head));
        let following = log.following.take();
        drop(log);
        // It ends an attachment, which may take other locks.
        drop(following);
        true
    }

    /// Lets go of messages that have reached their age.
    pub(crate) fn trim(self: &Arc<Self>, now: Micros) {
        let mut log = self.log.lock();
        self.change_history(&mut log, |history| history.trim(now));
        if let (Some(slot), Some(due)) = (log.standing.kept, log.history.due()) {
            self.shared.kept.lock().set_due(slot, due);
        }
    }

    /// Lets go of the oldest messages, whatever the topic's limits; or, if it has shrunk since it
    /// was listed among the large ones, takes its true place instead. False: nothing was given.
    pub(crate) fn give(self: &Arc<Self>) -> bool {
        let mut log = self.log.lock();
        let actual = class(log.history.footprint());
        if actual < log.standing.class {
            self.list_kept(&mut log, actual);
            return false;
        }
        self.change_history(&mut log, History::drop_oldest);
        true
    }

    pub(super) fn change_history(
        self: &Arc<Self>,
        log: &mut Log<S>,
        change: impl FnOnce(&mut History),
    ) {
        let before = log.history.footprint();
        change(&mut log.history);
        self.history_changed(log, before);
    }

    /// Counts what the history takes now; before that it took `before`.
    pub(super) fn history_changed(self: &Arc<Self>, log: &mut Log<S>, before: usize) {
        let after = log.history.footprint();
        if before == after {
            return;
        }
        self.shared.account(&self.owner, before, after);
        let actual = class(after);
        // One that has shrunk by less than two classes may grow again.
        if actual > log.standing.class || actual + 1 < log.standing.class || after == 0 {
            self.list_kept(log, actual);
        }
        if before == 0 || after == 0 {
            if after == 0 {
                self.touch();
            }
            self.settle(log);
        }
    }

    /// Lists it among those with history, or takes it out.
    fn list_kept(self: &Arc<Self>, log: &mut Log<S>, class: Class) {
        log.standing.class = class;
        let (owner, now) = (self.owner.number, self.shared.now());
        let mut kept = self.shared.kept.lock();
        match (log.standing.kept, log.history.due()) {
            (None, Some(due)) => {
                log.standing.kept = Some(kept.insert(self.clone(), owner, class, due, now))
            }
            (Some(slot), Some(_)) => kept.set_class(slot, owner, class, now),
            (Some(slot), None) => {
                log.standing.kept = None;
                kept.remove(slot);
            }
            (None, None) => {}
        }
    }

    /// Notes that it is used now.
    pub(super) fn touch(&self) {
        self.idle_since.store(self.shared.now().0, Relaxed);
    }

    fn idle_since(&self) -> Micros {
        Micros(self.idle_since.load(Relaxed))
    }

    /// Compares where it is listed with what it is.
    #[cfg(test)]
    pub(crate) fn audit(&self) -> Audited {
        let log = self.log.lock();
        let (bytes, is_empty) = (log.history.footprint(), log.history.is_empty());
        let found = Audited {
            is_idle: log.standing.idle.is_some(),
            is_kept: log.standing.kept.is_some(),
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
            (class(bytes)..=class(bytes) + 1).contains(&log.standing.class)
                || bytes == 0 && log.standing.class == 0
        );
        found
    }
}

/// Where a topic was found to be listed.
#[cfg(test)]
pub(crate) struct Audited {
    pub(crate) is_idle: bool,
    pub(crate) is_kept: bool,
    pub(crate) bytes: usize,
}
