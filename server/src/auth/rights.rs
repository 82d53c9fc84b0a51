//! What a user may do with which topics.

use protocol::Topic;

/// The topics that somebody may subscribe and publish to.
#[derive(Debug, Clone)]
pub struct Rights(());

impl Rights {
    /// Everything: demo mode.
    #[must_use]
    pub fn all() -> Self {
        Self(())
    }

    /// Whether a subscription to `topic` is allowed.
    #[must_use]
    pub fn may_subscribe(&self, _topic: &Topic<'_>) -> bool {
        true
    }

    /// Whether a publish to `topic` is allowed.
    #[must_use]
    pub fn may_publish(&self, _topic: &Topic<'_>) -> bool {
        true
    }
}
