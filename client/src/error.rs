//! Why a connection or a publish has failed, with the remedy.

use protocol::{ErrorCode, Invalid};
use std::time::Duration;

/// Why a connection has ended for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The user closed it.
    #[error("closed")]
    Closed,
    /// The gateway does not accept the token.
    #[error("the gateway does not accept the token ({0}); get a valid one")]
    Unauthenticated(String),
    /// The gateway closed it by a code after which connecting again would not help.
    #[error("the gateway closed the connection with {code}: {meaning} It would do so again")]
    ByGateway {
        /// The close code.
        code: u16,
        /// Its meaning in a sentence.
        meaning: String,
    },
    /// The opening handshake was refused with this HTTP status.
    #[error("the opening handshake was refused with HTTP status {status}: {hint}")]
    Handshake {
        /// The status.
        status: u16,
        /// What to look at.
        hint: &'static str,
    },
    /// The gateway does not understand the setup.
    #[error("the gateway refused the setup: {} ({text}); client and gateway may differ in version", code.as_str())]
    Setup {
        /// The reason.
        code: ErrorCode,
        /// The reason in a sentence.
        text: String,
    },
}

/// Why a publish has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Not sent: the topic is none.
    #[error("the topic {0}")]
    Topic(Invalid),
    /// Not sent: the message id is none.
    #[error("the message id {0}")]
    MessageId(Invalid),
    /// Not sent: the payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Payload(String),
    /// Not sent: the frame is larger than the gateway accepts.
    #[error(
        "the frame has {found} bytes, and the gateway accepts {max}; publish less at once, or raise limits.max_frame"
    )]
    TooLarge {
        /// The frame's bytes.
        found: usize,
        /// The most that the gateway accepts.
        max: u64,
    },
    /// Not sent: as many publishes wait as may.
    #[error(
        "as many publishes wait for their answers as may; publish again after one was answered"
    )]
    QueueFull,
    /// Refused by the gateway; a repeat would be refused too.
    #[error("{} ({text})", code.as_str())]
    Refused {
        /// The reason.
        code: ErrorCode,
        /// The reason and the remedy in a sentence.
        text: String,
    },
    /// No answer in time. If the frame was sent, the message may have been stored: a publish under
    /// the same message id within the gateway's window tells, and never stores it twice.
    #[error("no answer within {within:?} ({}); publishing again under the same message id tells", if *.sent { "it may have been stored" } else { "it was not sent" })]
    Deadline {
        /// The time that it had.
        within: Duration,
        /// Whether it was sent.
        sent: bool,
    },
    /// The connection has ended for good before the answer.
    #[error("no answer, because the connection has ended: {0}")]
    Stopped(Stop),
}

/// Why a topic cannot be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The topic is none.
    #[error("the topic {0}")]
    Topic(Invalid),
    /// The connection has ended for good.
    #[error("the connection has ended")]
    Stopped,
}
