//! Claims for publishes whose fate is known later, or never: a backbone answers over the network.
//!
//! A claim is *under way* until its publish ends. Stored: later ones are duplicates. Refused: the
//! message id is free. Unknown: the claim stays as a *lease*: the next publish of the message id
//! asks the backbone again, which knows whether it is a repeat.

use super::{
    Dedup, Place,
    shard::{Index, Key, Shard},
};
use protocol::MessageId;
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// The right and the duty to publish a message id. Dropped without a word, its fate is unknown.
#[derive(Debug)]
pub(crate) struct Lease {
    dedup: Arc<Dedup>,
    user: Box<str>,
    message_id: MessageId<'static>,
    settled: bool,
}

impl Dedup {
    /// The result of a [`Dedup::claim`] whose place is not known yet.
    #[must_use]
    pub(crate) fn lease(self: &Arc<Self>, user: &str, message_id: &MessageId<'_>) -> Lease {
        let message_id = message_id.clone().into_owned();
        Lease { dedup: self.clone(), user: user.into(), message_id, settled: false }
    }
}

impl Lease {
    /// It is stored, there.
    pub(crate) fn stored(mut self, place: Place) {
        self.settle(Some(place));
    }

    /// It is known that nothing was stored: the message id is free.
    pub(crate) fn refused(mut self) {
        let dedup = self.dedup.clone();
        self.end(|shard, claim| dedup.keys.fetch_sub(shard.forget(claim), Relaxed));
    }

    fn settle(&mut self, place: Option<Place>) {
        self.end(|shard, claim| shard.settle(claim, place));
    }

    /// If limits or the window have taken the claim meanwhile, nothing is left to do.
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
