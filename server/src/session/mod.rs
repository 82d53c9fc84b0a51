//! Sessions (I6): what outlives a connection, so that its client can go on where it stopped. A
//! session is a user's set of subscriptions, each with the position from which to replay.
//!
//! [`Store`] is the seam; [`Memory`] keeps sessions in this process. Each time a session is opened
//! it gets a higher *generation*: whoever still holds an older one has been overtaken, and what it
//! writes is ignored.

mod memory;

use crate::hub::topic::Name;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
pub use memory::{Limits, Memory};
use protocol::{Epoch, UserId};
use std::{fmt, sync::Arc};

/// A session's name: 128 random bits, a secret like a token. Its `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id([u8; 16]);

impl Id {
    fn random() -> Self {
        Self(rand::random())
    }

    /// As on the wire.
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

/// Where a client stands in a topic.
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
pub type Positions = Vec<(Arc<Name>, Position)>;

/// Told when somebody else goes on with a session.
pub trait Owner: Send + Sync {
    /// The session is somebody else's now. Must not block.
    fn overtaken(&self);
}

/// Why no session could be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sessions cannot be reached now: try again")]
pub struct Unavailable;

/// A session and what it had.
#[derive(Debug)]
pub struct Opened {
    /// The session, until it is dropped.
    pub session: Session,
    /// Where it goes on: the subscriptions that it has.
    pub resumed: Option<Positions>,
}

/// Keeps sessions. What is written is in order; where a store is shared, it may arrive a moment
/// later: then a client that resumes elsewhere is replayed more than it needs, never less.
pub trait Store: fmt::Debug + Send + Sync {
    /// Goes on with the session `wanted` where it is this user's and still there, else begins a new
    /// one. An owner that it has is told. Cancel-safe: a session that was opened and not taken
    /// is left as if its connection had ended.
    ///
    /// # Errors
    /// [`Unavailable`]: it cannot be told whether there is such a session.
    fn open(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        owner: Arc<dyn Owner>,
    ) -> BoxFuture<'static, Result<Opened, Unavailable>>;

    /// Sets a subscription's position.
    fn put(&self, key: Key, topic: &Arc<Name>, position: Position);

    /// Ends a subscription.
    fn remove(&self, key: Key, topic: &Name);

    /// The connection has ended; the session lives on for its time.
    fn detach(&self, key: Key);

    /// The session ends, and is freed.
    fn end(&self, key: Key);
}

/// Which session, and which of its generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    id: Id,
    generation: u64,
}

/// An open session. Dropped, it lives on without a connection for its time.
#[derive(Debug)]
pub struct Session {
    store: Arc<dyn Store>,
    key: Key,
    ended: bool,
}

impl Session {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> Id {
        self.key.id
    }

    /// Sets a subscription's position.
    pub fn put(&self, topic: &Arc<Name>, position: Position) {
        self.store.put(self.key, topic, position);
    }

    /// Ends a subscription.
    pub fn remove(&self, topic: &Name) {
        self.store.remove(self.key, topic);
    }

    /// Ends it for good.
    pub fn end(mut self) {
        self.ended = true;
        self.store.end(self.key);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            self.store.detach(self.key);
        }
    }
}
