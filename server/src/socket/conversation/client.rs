//! The client of a connection that is set up.

use crate::{access::Rights, session::Session};
use protocol::UserId;
use tokio::time::Instant;

/// Who the client is.
pub(super) struct Client {
    pub(super) user: UserId<'static>,
    pub(super) rights: Rights,
    pub(super) expires: Option<Instant>,
    pub(super) session: Session,
}
