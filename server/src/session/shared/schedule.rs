//! Which session is to be written when: one place for each, in one ordered set, instead of a timer
//! for each.

use crate::session::Id;
use hub::clock::{Clock, Micros};
use parking_lot::Mutex;
use std::{collections::BTreeSet, future::pending, time::Duration};
use tokio::{sync::Notify, time::sleep};

/// Sessions by the time at which they are due. There are as many as have a place: at most one for
/// each session that this gateway knows.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: Mutex<BTreeSet<(Micros, Id)>>,
    /// A session is due earlier than all others were.
    earlier: Notify,
}

impl Schedule {
    /// Moves a session from its place, if it has one, to another one, or takes it out.
    pub(super) fn move_to(&self, id: Id, place: &mut Option<Micros>, to: Option<Micros>) {
        let mut due = self.due.lock();
        if let Some(from) = std::mem::replace(place, to) {
            due.remove(&(from, id));
        }
        let Some(to) = to else { return };
        due.insert((to, id));
        let is_first = due.first() == Some(&(to, id));
        drop(due);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Takes out the next one that is due.
    pub(super) fn pop(&self, now: Micros) -> Option<Id> {
        let mut due = self.due.lock();
        let (at, _) = due.first()?;
        if *at > now { None } else { due.pop_first().map(|(_, id)| id) }
    }

    /// Waits until a session may be due. For one caller at a time. Cancel-safe.
    pub(super) async fn changed(&self, clock: &Clock) {
        let next = self.due.lock().first().map(|(at, _)| *at);
        let due = async {
            match next {
                Some(at) => sleep(Duration::from_micros(at.0.saturating_sub(clock.now().0))).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.earlier.notified() => {}
        }
    }
}

#[cfg(test)]
impl Schedule {
    pub(super) fn is_empty(&self) -> bool {
        self.due.lock().is_empty()
    }
}
