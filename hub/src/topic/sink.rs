//! The receiving side of a subscription, which the caller of this crate implements.

use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Receives a subscriber's bytes.
pub trait Sink: Send + Sync + 'static {
    /// Takes whole WebSocket frames, in order. Must not block, and must not call into the hub. If
    /// `subscription` has ended, it takes nothing; it must check that *under the same lock* that
    /// its owner holds while it ends a subscription and says so, because nothing of a topic may
    /// follow its `unsubscribed`.
    fn deliver(&self, subscription: &Liveness, frames: &Bytes);

    /// Announces a delivery: a good moment to load the memory that it needs.
    fn approach(&self) {}
}

/// Whether a subscription is live.
#[derive(Debug)]
pub struct Liveness(AtomicBool);

impl Liveness {
    pub(super) fn live() -> Self {
        Self(AtomicBool::new(true))
    }

    pub(super) fn end(&self) {
        self.0.store(false, Relaxed);
    }

    /// False once the subscription has ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.load(Relaxed)
    }
}
