//! Claims for publishes whose fate is known later, or never: a backbone answers over the network.
//!
//! A claim is *under way* until its publish ends. Stored: later ones are duplicates. Refused: the
//! message id is free. Unknown: the claim stays as a *lease*: whoever publishes the message id
//! again asks the backbone again, which knows whether it is a repeat.

use super::{
    Counted, Dedup, ON_THE_WAY, Place,
    shard::{Index, Key, Shard},
};
use crate::ending::Ending;
use protocol::MessageId;
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// What a message id is found to be.
#[derive(Debug)]
pub enum Leased {
    /// Nobody publishes it now: the caller has to, and to say what became of it.
    First(Lease),
    /// A repeat: where the first one stands.
    Duplicate(Place),
    /// Somebody publishes it now: look again when this ends.
    UnderWay(Ending),
}

/// The right and the duty to publish a message id. Dropped without a word, its fate is unknown.
#[derive(Debug)]
pub struct Lease {
    dedup: Arc<Dedup>,
    user: Box<str>,
    message_id: MessageId<'static>,
    settled: bool,
}

impl Dedup {
    /// Claims `message_id` for a publish that takes its time.
    #[must_use]
    pub fn lease(
        self: &Arc<Self>,
        user: &str,
        counted: Counted,
        message_id: &MessageId<'_>,
    ) -> Leased {
        let key = Key::new(&self.hasher, user, message_id);
        let now = self.clock.now();
        let mut shard = self.shard(&key);
        let since = self.window_start(now);
        self.keys.fetch_sub(shard.forget_before(since, ON_THE_WAY), Relaxed);
        let mut is_over = false;
        let claim = match shard.find(&key, since) {
            Some(claim) => {
                if let Some(place) = shard.place(claim) {
                    return Leased::Duplicate(place.clone());
                }
                if let Some(fate) = shard.fate(claim) {
                    return Leased::UnderWay(fate);
                }
                claim
            }
            None => {
                let (claim, over) = self.insert(&mut shard, &key, counted, None, now);
                is_over = over;
                claim
            }
        };
        shard.begin(claim);
        drop(shard);
        if is_over {
            self.forget_oldest(since);
        }
        Leased::First(Lease {
            dedup: self.clone(),
            user: user.into(),
            message_id: message_id.clone().into_owned(),
            settled: false,
        })
    }
}

impl Lease {
    /// It stands there.
    pub fn stored(mut self, place: Place) {
        self.settle(Some(place));
    }

    /// It is known that nothing was stored: the message id is free.
    pub fn refused(mut self) {
        let dedup = self.dedup.clone();
        self.end(|shard, claim| dedup.keys.fetch_sub(shard.forget(claim), Relaxed));
    }

    fn settle(&mut self, place: Option<Place>) {
        self.end(|shard, claim| shard.settle(claim, place));
    }

    /// Where limits or the window have taken the claim meanwhile, there is nothing to do.
    fn end<T>(&mut self, act: impl FnOnce(&mut Shard, Index) -> T) {
        self.settled = true;
        let key = Key::new(&self.dedup.hasher, &self.user, &self.message_id);
        let since = self.dedup.window_start(self.dedup.clock.now());
        let mut shard = self.dedup.shard(&key);
        if let Some(claim) = shard.find(&key, since) {
            act(&mut shard, claim);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(None);
        }
    }
}
