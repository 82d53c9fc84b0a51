//! One topic: its numbering, its pending bytes, and its subscribers.
//!
//! All of that is protected by one lock (`Topic::state`), which is held for a few dozen nanoseconds
//! and never over a delivery. A pass of the fan-out takes the list of subscribers *out* of the
//! topic and puts it back; subscriptions that begin or end meanwhile are added or removed when it
//! is put back.
//!
//! A subscriber that has to catch up is a cursor into the topic's history: it is not in the list,
//! reads at its own pace ([`Subscription::catch_up`]), and enters the list in the same step in
//! which it reaches the head.
//!
//! | module | idea |
//! |---|---|
//! | `log` | the messages: numbers, history, pending bytes |
//! | `append` | a message gets its number and its place |
//! | `roster` | the live subscribers |
//! | `join`, `subscription` | where a subscription begins; how it catches up and ends |
//! | `fan_out_right` | which task may fan out, and how far the fan-out lags |
//! | `following`, `page` | a topic whose messages a shared log numbers; a part of such a log |
//! | `listing` | the topic's entries in the lists of all topics |
//! | `sink` | what receives a subscriber's bytes |

mod append;
mod fan_out_right;
mod following;
mod join;
mod listing;
mod log;
mod page;
mod roster;
mod sink;
mod subscription;

use super::{history, owner::Account, shared::Shared};
pub use append::Appended;
use fan_out_right::FanOutRight;
pub use following::{Anchor, Attachment, Followed, Head, Received, Record};
pub use join::{Joined, Start};
use listing::Listing;
use log::Log;
pub use page::{Page, Says};
use parking_lot::Mutex;
use protocol::{Epoch, encode::MessagePrefix};
use roster::Roster;
pub(super) use roster::{Joining, Member};
pub use sink::{Liveness, Sink};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};
pub use subscription::{CatchUp, Subscription};
use tokio::sync::Notify;

/// A topic's name.
pub type Name = protocol::Topic<'static>;

/// An existing topic. Shared by all its publishers and subscribers.
#[derive(Debug)]
pub struct Topic<S> {
    name: Arc<Name>,
    prefix: MessagePrefix,
    /// How many subscriptions it has; a copy of what the lock protects, to be read without it.
    subscribers: AtomicUsize,
    /// When the topic was last used without a subscriber, in [`Micros`](crate::clock::Micros).
    idle_since: AtomicU64,
    owner: Arc<Account>,
    shared: Arc<Shared<S>>,
    /// Whether a shared log numbers its messages.
    is_following: bool,
    state: Mutex<State<S>>,
    /// Notified when the backlog has shrunk.
    drained: Notify,
}

/// What a topic's lock protects.
#[derive(Debug)]
struct State<S> {
    log: Log,
    roster: Roster<S>,
    right: FanOutRight<S>,
    listing: Listing,
    /// The directory has forgotten this topic: another one may have its name.
    retired: bool,
}

/// The directory has forgotten this topic; look its name up again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic was forgotten")]
pub struct Retired;

impl<S: Sink> Topic<S> {
    pub(super) fn new(
        name: Name,
        owner: Arc<Account>,
        epoch: Epoch<'static>,
        history: history::Limits,
        shared: Arc<Shared<S>>,
    ) -> Self {
        Self {
            prefix: MessagePrefix::new(&name),
            name: Arc::new(name),
            subscribers: AtomicUsize::new(0),
            idle_since: AtomicU64::new(shared.now().0),
            owner,
            shared,
            is_following: false,
            state: Mutex::new(State {
                log: Log::new(epoch, history),
                roster: Roster::default(),
                right: FanOutRight::default(),
                listing: Listing::default(),
                retired: false,
            }),
            drained: Notify::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<Name> {
        &self.name
    }

    /// The number of the last message (0: none yet) and the life of the numbering that it belongs
    /// to.
    #[must_use]
    pub fn position(&self) -> (u64, Arc<Epoch<'static>>) {
        let state = self.state.lock();
        (state.log.head, state.log.epoch.clone())
    }

    /// The life of its numbering.
    #[must_use]
    pub fn epoch(&self) -> Arc<Epoch<'static>> {
        self.state.lock().log.epoch.clone()
    }

    /// How many subscriptions it has.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.subscribers.load(Relaxed)
    }

    /// The number of the last message; 0: none yet.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.state.lock().log.head
    }

    pub(super) fn shared(&self) -> &Shared<S> {
        &self.shared
    }
}
