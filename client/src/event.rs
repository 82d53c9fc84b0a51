//! What the user of a connection is told, in the order in which it happened.

use crate::{Message, Stop};
use protocol::ErrorCode;
use std::{fmt, time::Duration};

/// Something that the user has to know. Events of one connection are in order: what was missed
/// before a message is told before it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message, never twice.
    Message(Message),
    /// Everything else.
    Notice(Notice),
}

/// An event that is not a message. Its text names cause and remedy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// The gateway has accepted the setup.
    Connected {
        /// Whether an earlier session goes on.
        resumed: bool,
    },
    /// There is no connection; another attempt follows.
    Waiting {
        /// The time until then.
        delay: Duration,
        /// Why the last connection or attempt ended.
        cause: String,
    },
    /// Messages of the topic may be missing, and cannot be replayed any more: the user should load
    /// its state anew. What comes next follows `after`.
    Lost {
        /// The topic.
        topic: String,
        /// The client's position before, if it had one.
        position: Option<u64>,
        /// The number after which the subscription goes on.
        after: u64,
    },
    /// Numbers between the last message and the next one are missing, and the gateway has not told
    /// of a loss. The user should load its state anew.
    Gap {
        /// The topic.
        topic: String,
        /// The number of the last message before the gap.
        position: u64,
        /// The number of the message behind it, which comes next.
        next: u64,
    },
    /// The topic is not subscribed to, or not any more.
    Refused {
        /// The topic.
        topic: String,
        /// The reason.
        code: ErrorCode,
        /// The reason and the remedy in a sentence.
        text: String,
    },
    /// The gateway refused something else, or no new token could be had; the connection goes on.
    Warning {
        /// The reason and the remedy in a sentence.
        text: String,
    },
    /// The connection has ended for good. The last event.
    Stopped(Stop),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { resumed: false } => write!(f, "connected"),
            Self::Connected { resumed: true } => write!(f, "connected, the session goes on"),
            Self::Waiting { delay, cause } => {
                write!(f, "{cause}; connecting again in {:.1} s", delay.as_secs_f64())
            }
            Self::Lost { topic, position, after } => {
                write!(f, "{topic}: messages ")?;
                if let Some(position) = position {
                    write!(f, "after {position} ")?;
                }
                write!(f, "may be missing; going on after {after}: load the state anew")
            }
            Self::Gap { topic, position, next } => write!(
                f,
                "{topic}: messages between {position} and {next} are missing: load the state anew"
            ),
            Self::Refused { topic, code, text } => {
                write!(f, "{topic}: not subscribed: {} ({text})", code.as_str())
            }
            Self::Warning { text } => write!(f, "{text}"),
            Self::Stopped(stop) => write!(f, "{stop}"),
        }
    }
}
