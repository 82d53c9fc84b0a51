//! What a backend publishes over HTTP.

use crate::{MessageId, Payload, Topic, UserId};

/// One message of `POST /publish`. Its fields are those of a `publish` frame and are read by the
/// same rules; `type` is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The publisher's name for the message; `None`: the gateway makes one up.
    pub message_id: Option<MessageId<'a>>,
    /// Any JSON value; reaches the subscribers byte for byte.
    pub payload: Payload<'a>,
    /// The user whose message id it is; `None`: the backends'.
    pub user_id: Option<UserId<'a>>,
}
