//! Where a subscription begins: at a position that the subscriber has, some messages back, or now.

use super::{Member, Page, Retired, Says, Sink, Subscription, Topic};
use protocol::{Epoch, Position};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Determines where a new subscription begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// The subscriber's position, if it has one.
    pub position: Option<Position<'a>>,
    /// Messages that were read from a shared log behind that position, if the topic's history does
    /// not reach it.
    pub page: Option<&'a Page>,
    /// How many of the newest messages to replay if no position is given, or if messages behind it
    /// are missing.
    pub last: Option<u64>,
}

impl Start<'_> {
    /// Begins with the next message.
    pub const NOW: Self = Self { position: None, page: None, last: None };
}

/// A new subscription and where it begins.
#[derive(Debug)]
pub struct Joined<S: Sink> {
    /// The subscription, which ends when this is dropped.
    pub subscription: Subscription<S>,
    /// The number of the topic's last message at this moment.
    pub head: u64,
    /// The life of the numbering that it belongs to.
    pub epoch: Arc<Epoch<'static>>,
    /// The subscription's first message is the next one above this number. If it is below `head`,
    /// the subscription is behind.
    pub after: u64,
    /// Whether every message behind the position is kept; `None` if no position was given.
    pub recovered: Option<bool>,
}

impl<S: Sink> Topic<S> {
    /// Subscribes `sink`: to the messages behind the position of `start`, if all of them are proved
    /// to be kept; otherwise to the newest messages, as many as `start` asks for and are kept. In
    /// both cases also to every message after this moment. A subscription that begins below the
    /// head has to catch up. Bytes may reach the sink before this returns: a caller that has to
    /// send something first holds the sink's lock during the call.
    ///
    /// # Errors
    /// [`Retired`]: nothing was subscribed.
    pub fn join(self: &Arc<Self>, sink: Arc<S>, start: Start<'_>) -> Result<Joined<S>, Retired> {
        let now = self.shared.now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.retired {
            return Err(Retired);
        }
        self.change_history(state, |history| history.trim(now));
        let log = &state.log;
        let head = log.head;
        let member = Arc::new(Member::new(sink));
        let epoch = log.epoch.clone();
        let recovered = start.position.map(|position| {
            let same_life = position.epoch.is_none_or(|named| named == epoch.as_str());
            let after = position.last_seq.get();
            let is_in_the_log =
                |page: &Page| page.says(epoch.as_str(), after) == Says::Continues && after <= head;
            same_life && (log.history.reaches(after) || start.page.is_some_and(is_in_the_log))
        });
        let after = match (start.position, recovered) {
            (Some(position), Some(true)) => position.last_seq.get(),
            _ => log.history.before_newest(start.last.unwrap_or(0)),
        };
        let behind = after < head;
        let mut subscription = Subscription {
            topic: self.clone(),
            member,
            epoch: epoch.clone(),
            after,
            known: after,
            behind: true,
        };
        if !behind {
            subscription.go_live(state);
        }
        if self.subscribers.fetch_add(1, Relaxed) == 0 {
            self.shared.in_use.fetch_add(1, Relaxed);
            self.update_idle(state);
        }
        Ok(Joined { subscription, head, epoch, after, recovered })
    }

    /// Ends a subscription; `behind`: it is not live yet.
    pub(super) fn leave(self: &Arc<Self>, member: &Arc<Member<S>>, behind: bool) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        member.liveness.end();
        let last = self.subscribers.fetch_sub(1, Relaxed) == 1;
        if !behind {
            state.roster.remove(member);
            state.drop_unfinished();
        }
        if last {
            self.shared.in_use.fetch_sub(1, Relaxed);
            self.touch();
            self.update_idle(state);
        }
    }
}
