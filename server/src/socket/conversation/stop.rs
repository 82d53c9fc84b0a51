//! Why the next frame is not handled: what it waits for, or how the connection ends.

use super::{
    setup::{Admitted, Progress},
    subscribe::Tries,
};
use crate::{backbone::Unavailable, gateway::Prepared};
use futures_util::future::BoxFuture;
use protocol::{CloseCode, Subscribe};
use std::{borrow::Cow, ops::ControlFlow};

/// Goes on with the next frame, or not.
pub(in crate::socket) type Flow = ControlFlow<Stop>;

/// Why the next frame is not handled.
pub(in crate::socket) enum Stop {
    /// Not before this is known: give it to [`Conversation::go_on`](super::Conversation::go_on).
    Wait(BoxFuture<'static, Awaited>),
    /// Not before the backbone has answered a publish.
    Full,
    /// Not at all: the connection ends.
    Close(Closing),
}

/// Why the connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::socket) struct Closing {
    pub(in crate::socket) code: u16,
    pub(in crate::socket) reason: Cow<'static, str>,
}

/// What a frame had to wait for.
pub(in crate::socket) enum Awaited {
    Setup(Box<Admitted>),
    /// Other connections were served in the middle of a `setup`.
    Topics(Box<Progress>),
    /// The topic is ready to be subscribed to, or cannot be.
    Prepared(Subscribe<'static>, Result<Prepared, Unavailable>, Tries),
}

impl From<Closing> for Stop {
    fn from(closing: Closing) -> Self {
        Self::Close(closing)
    }
}

impl From<CloseCode> for Closing {
    fn from(code: CloseCode) -> Self {
        Self { code: code.number(), reason: code.meaning().into() }
    }
}
