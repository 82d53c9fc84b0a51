//! Sessions: what outlives a connection, so that its client can continue where it stopped. A
//! session is a user's set of subscriptions, each with the position from which to replay.
//!
//! [`Store`] is the seam between connections and whatever keeps the sessions. Each time a session
//! is opened it gets a higher *generation*: a connection that holds an older one has been
//! overtaken, and its writes are ignored.
//!
//! | module | idea |
//! |---|---|
//! | `memory` | sessions of this process alone |
//! | [`shared`] | sessions that several gateways share |
//! | [`records`] | the seam below [`Shared`]: what a server has to offer to keep its records |
//! | `detached` | which sessions without a connection are kept, and which one is dropped next |

#[cfg(test)]
pub(crate) mod contract_tests;
mod detached;
#[cfg(test)]
pub(crate) mod double;
mod memory;
pub mod records;
pub mod shared;
mod takeover;

use crate::chance;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub use detached::Limits;
use futures_util::future::BoxFuture;
pub use memory::Memory;
use protocol::{Epoch, Topic, UserId};
pub use shared::Shared;
use std::{fmt, sync::Arc};
pub use takeover::TakeoverListener;

/// A session's name: 128 random bits, a secret like a token. Its `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

impl Id {
    fn random() -> Self {
        Self(chance::draw())
    }

    /// As on the wire: base64url.
    #[must_use]
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// `None`: no session has this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (len == bytes.len()).then_some(Self(bytes))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(…)")
    }
}

/// How far a client has read a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The life of the numbering that `seq_no` belongs to.
    pub epoch: Arc<Epoch<'static>>,
    /// The last number that was handled, or the one at which the subscription began.
    pub seq_no: u64,
    /// The client was told that something is missing before `seq_no`, and has not confirmed since.
    /// It is told again.
    pub lost: bool,
}

/// The subscriptions of a session.
pub type Positions = Vec<(Arc<Topic<'static>>, Position)>;

/// Why no session could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sessions cannot be reached now: try again")]
pub struct Unavailable;

/// A session and what it had.
#[derive(Debug)]
pub struct Opened {
    /// The session, until it is dropped.
    pub session: Session,
    /// The subscriptions of a session that is resumed; `None`: the session is new.
    pub resumed: Option<Positions>,
}

/// How many sessions a store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sessions, with a connection or without.
    pub sessions: usize,
    /// Sessions without a connection.
    pub detached: usize,
    /// Sessions without a connection so far that a limit has ended within [`Limits::ttl`].
    pub dropped: u64,
}

/// Keeps sessions. The writes of one session are kept in their order. A store that several gateways
/// share may keep a write a moment later; a client that resumes on another gateway is then replayed
/// more than it needs, never less.
///
/// `contract_tests` has the tests that each store must pass.
pub trait Store: fmt::Debug + Send + Sync {
    /// Resumes the session `wanted` if it is this user's and has not ended, else begins a new one.
    /// Another connection that has the session is told ([`TakeoverListener::taken_over`]). Cancel-safe: a
    /// session that was opened and not taken continues as if its connection had ended.
    ///
    /// # Errors
    /// [`Unavailable`]: the store does not know whether there is such a session.
    fn open(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        listener: Arc<dyn TakeoverListener>,
    ) -> BoxFuture<'static, Result<Opened, Unavailable>>;

    /// Sets a subscription's position. Does not block.
    fn put(&self, fence: Fence, topic: &Arc<Topic<'static>>, position: Position);

    /// Ends a subscription. Does not block.
    fn remove(&self, fence: Fence, topic: &Topic<'static>);

    /// The connection has ended; the session is kept for [`Limits::ttl`]. Does not block.
    fn detach(&self, fence: Fence);

    /// The session ends, and is freed. Does not block.
    fn end(&self, fence: Fence);

    /// How many sessions this store knows; one that is shared counts those of this gateway.
    fn counts(&self) -> Counts;

    /// Forgets some sessions that have expired: a bounded piece of work, so that the caller can let
    /// other tasks run. True: there is more.
    fn expire_some(&self) -> bool;

    /// What has to run for as long as the store is used; it never ends. `None`: nothing. Dropped,
    /// it leaves the store as it is. To be called once at a time.
    fn background(self: Arc<Self>) -> Option<BoxFuture<'static, ()>> {
        None
    }

    /// Waits until every change so far is kept, or until the store has given up; for the end of the
    /// process. `None`: there is nothing to wait for. Cancel-safe.
    fn flush(self: Arc<Self>) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// The right to write to a session: a fencing token, which a later `open` of the same session makes
/// invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    id: Id,
    generation: u64,
    /// Tells apart two openings of one generation; 0 if there are never two.
    nonce: u64,
}

/// An open session. Dropped, it is kept without a connection for [`Limits::ttl`].
#[derive(Debug)]
pub struct Session {
    store: Arc<dyn Store>,
    fence: Fence,
    ended: bool,
}

impl Session {
    fn new(store: Arc<dyn Store>, fence: Fence) -> Self {
        Self { store, fence, ended: false }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> Id {
        self.fence.id
    }

    /// Sets a subscription's position.
    pub fn put(&self, topic: &Arc<Topic<'static>>, position: Position) {
        self.store.put(self.fence, topic, position);
    }

    /// Ends a subscription.
    pub fn remove(&self, topic: &Topic<'static>) {
        self.store.remove(self.fence, topic);
    }

    /// Ends it for good.
    pub fn end(mut self) {
        self.ended = true;
        self.store.end(self.fence);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            self.store.detach(self.fence);
        }
    }
}
