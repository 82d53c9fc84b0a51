//! A takeover: a session that has a connection is opened by another one, here or at another gateway.

/// The connection that has a session.
pub trait TakeoverListener: Send + Sync {
    /// Another connection has opened the session: this one is to be closed (4409). Must not block.
    fn taken_over(&self);
}
