//! A publish: its publisher, what it gives, and why it fails.

use crate::{
    backbone::Unavailable,
    dedup::{Counted, Place},
};
use futures_util::future::BoxFuture;
use hub::{FanOut, Owner, Sink, TooManyTopics, Topic, clock::Micros};
use protocol::{AckStatus, ErrorCode, MessageId};
use std::sync::Arc;

/// The sender of a publish.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Publisher<'a> {
    /// This user, over WebSocket.
    User(&'a str),
    /// A backend, over HTTP. It names the user whose message id it is, which uses nothing of that
    /// user's shares.
    Backend { user: &'a str },
}

impl<'a> Publisher<'a> {
    /// The user whose message ids these are.
    pub(super) fn user(self) -> &'a str {
        match self {
            Self::User(user) | Self::Backend { user } => user,
        }
    }

    /// The owner of a topic that comes into being by it.
    pub(super) fn owner(self) -> Owner<'a> {
        match self {
            Self::User(user) => Owner::User(user),
            Self::Backend { .. } => Owner::Backends,
        }
    }

    /// The limits that its message ids count for.
    pub(super) fn counted(self) -> Counted {
        match self {
            Self::User(_) => Counted::ForUser,
            Self::Backend { .. } => Counted::ForAll,
        }
    }
}

/// A message on its way to its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) publisher: Publisher<'a>,
    pub(crate) topic: &'a protocol::Topic<'a>,
    pub(crate) message_id: &'a MessageId<'a>,
    /// One JSON value.
    pub(crate) data: &'a str,
    /// When it was received.
    pub(crate) now: Micros,
}

/// A publish that is known to be stored.
#[derive(Debug)]
pub struct Published {
    /// Stored now, or a repeat.
    pub status: AckStatus,
    /// Its place: for a duplicate the first one's.
    pub place: Place,
    /// Subscriptions that the topic had here at that moment; 0 for a duplicate.
    pub subscribers: usize,
}

impl Published {
    pub(super) fn duplicate(place: Place) -> Self {
        Self { status: AckStatus::Duplicate, place, subscribers: 0 }
    }
}

/// What the publisher's task has to do after a publish.
#[must_use]
#[derive(Debug)]
pub(crate) struct FollowUp<S: Sink> {
    /// The right to fan out, if nothing else had it.
    pub(crate) fan_out: Option<FanOut<S>>,
    /// The topic, if it lags: its publishers have to wait.
    pub(crate) congested: Option<Arc<Topic<S>>>,
}

impl<S: Sink> FollowUp<S> {
    pub(super) const NONE: Self = Self { fan_out: None, congested: None };
}

/// What a publish has come to within the call.
pub(crate) enum Stored<S: Sink> {
    /// It is known already.
    Now(Published, FollowUp<S>),
    /// The backbone has to answer first.
    Later(BoxFuture<'static, Result<Published, PublishError>>),
}

/// Why a publish was not acknowledged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no room for the topic.
    #[error(transparent)]
    TooManyTopics(#[from] TooManyTopics),
    /// It is not known to be stored. Published again with the same message id, it is stored once.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The gateway is about to stop.
    #[error("the gateway is about to stop: connect again")]
    ShuttingDown,
}

impl PublishError {
    /// As on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyTopics(_) => ErrorCode::TooManyTopics,
            Self::Unavailable(_) => ErrorCode::BackboneUnavailable,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
        }
    }
}
