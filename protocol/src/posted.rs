//! A message that a backend publishes over HTTP.

use crate::{MessageId, Payload, Topic, UserId};

/// One message of `POST /publish`. Its fields are those of a `publish` frame and are read by the
/// same rules; `type` is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The publisher's name for the message; `None`: the gateway generates one.
    pub message_id: Option<MessageId<'a>>,
    /// Any JSON value. Subscribers receive it byte for byte.
    pub payload: Payload<'a>,
    /// The user whose message id it is; `None`: the backends share one set of message ids.
    pub user_id: Option<UserId<'a>>,
}
