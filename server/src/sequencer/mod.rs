//! What gives messages their numbers: this process, or a log that several gateways share.
//!
//! [`Local`] numbers, stores and answers within the call: no task, no allocation, no wake-up.
//! [`Shared`] hands a publish to a [`crate::backbone::Backbone`] within the call and answers later;
//! the topics here follow the log.
//!
//! | file | idea |
//! |---|---|
//! | `publication` | a publish: the publisher, what it gives, why it fails |
//! | `local` | numbers given here |
//! | `shared` | numbers given by a backbone's log |
//! | `fan_out` | drives a fan-out to its end |

pub(crate) mod fan_out;
mod local;
mod publication;
mod shared;

use crate::{
    backbone::{Backbone, Description, Figures, Health, Unavailable},
    dedup::Dedup,
    metrics::Meter,
};
use futures_util::future::BoxFuture;
use hub::{Directory, Owner, Retired, Sink, TooManyTopics, Topic, topic::Page};
use local::Local;
use protocol::{Epoch, ErrorCode, Position};
pub(crate) use publication::{FollowUp, Publication, Publisher, Stored};
pub use publication::{PublishError, Published};
pub(crate) use shared::Limits;
use shared::Shared;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// What a sequencer works with.
#[derive(Debug)]
pub(crate) struct Core<S: Sink> {
    pub(crate) topics: Directory<S>,
    pub(crate) dedup: Arc<Dedup>,
    pub(crate) meter: Arc<Meter>,
    /// Tasks that have to end before the process does.
    pub(crate) tasks: TaskTracker,
}

/// Gives messages their numbers.
#[derive(Debug)]
pub(crate) enum Sequencer<S: Sink> {
    /// This process does.
    Local(Local<S>),
    /// A backbone's log does.
    Shared(Shared<S>),
}

/// Why there is no topic to work on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTopic {
    /// There is no room for it.
    #[error(transparent)]
    TooMany(#[from] TooManyTopics),
    /// It is not attached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl NoTopic {
    /// As on the wire.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::TooMany(_) => ErrorCode::TooManyTopics,
            Self::Unavailable(_) => ErrorCode::BackboneUnavailable,
        }
    }
}

/// What was made ready for a subscription: the topic is known here, and what lies behind the
/// position was read if the topic's history does not reach it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Prepared {
    pub(crate) page: Option<Arc<Page>>,
    /// The topic is there. If its history has been trimmed meanwhile, prepare it again.
    pub(crate) is_attached: bool,
}

impl<S: Sink> Sequencer<S> {
    /// Numbers are given here.
    pub(crate) fn local(core: Arc<Core<S>>) -> Self {
        Self::Local(Local::new(core))
    }

    /// `backbone` gives the numbers.
    pub(crate) fn shared(core: Arc<Core<S>>, backbone: Arc<dyn Backbone>, limits: Limits) -> Self {
        Self::Shared(Shared::new(core, backbone, limits))
    }

    /// Publishes once per user and message id. A message that is numbered here is due when this
    /// returns; the caller does the [`FollowUp`]. `last` is the topic that the caller used last.
    ///
    /// # Errors
    /// [`PublishError`]: nothing was stored, and the message id is free.
    pub(crate) fn publish(
        &self,
        publication: Publication<'_>,
        last: &mut Option<Arc<Topic<S>>>,
    ) -> Result<Stored<S>, PublishError> {
        match self {
            Self::Local(local) => local.publish(publication, last),
            Self::Shared(shared) => Ok(shared.publish(publication)),
        }
    }

    /// Whether a topic may have to be prepared before it can be subscribed to.
    pub(crate) fn prepares(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Makes a topic ready for a subscription that begins at `position`. A topic that is new is
    /// `owner`'s. `None`: it is ready. Cancel-safe.
    ///
    /// # Errors of the future
    /// [`Unavailable`]: it cannot be proved what lies behind the position.
    pub(crate) fn prepare(
        &self,
        topic: &protocol::Topic<'_>,
        owner: Owner<'_>,
        position: Option<Position<'_>>,
    ) -> Option<BoxFuture<'static, Result<Prepared, Unavailable>>> {
        match self {
            Self::Local(_) => None,
            Self::Shared(shared) => shared.prepare(topic, owner, position),
        }
    }

    /// Does `act` on the topic of this name. If this process numbers topics, a topic that is new
    /// is made and is `owner`'s. `last` is the topic that the caller used last.
    ///
    /// # Errors
    /// [`NoTopic`]
    pub(crate) fn with_topic<T>(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        last: &mut Option<Arc<Topic<S>>>,
        act: impl FnMut(&Arc<Topic<S>>) -> Result<T, Retired>,
    ) -> Result<T, NoTopic> {
        match self {
            Self::Local(local) => Ok(local.with_topic(name, owner, last, act)?),
            Self::Shared(shared) => shared.with_topic(name, owner, act),
        }
    }

    /// What the log has behind `after`, for a subscription whose topic's history does not reach
    /// that. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: ask again later.
    pub(crate) fn page(
        &self,
        topic: &Arc<Topic<S>>,
        epoch: Arc<Epoch<'static>>,
        after: u64,
    ) -> Option<BoxFuture<'static, Result<Arc<Page>, Unavailable>>> {
        match self {
            Self::Local(_) => None,
            Self::Shared(shared) => Some(shared.page(topic, epoch, after)),
        }
    }

    /// Whether messages can be numbered at this moment.
    pub(crate) fn health(&self) -> Health {
        match self {
            Self::Local(_) => Health::Reachable,
            Self::Shared(shared) => shared.health(),
        }
    }

    /// From now on, other gateways that ask get this answer.
    pub(crate) fn introduce(&self, own: Description) {
        if let Self::Shared(shared) = self {
            shared.introduce(own);
        }
    }

    /// What the other gateways say of themselves, as far as they answer. Cancel-safe.
    pub(crate) async fn others(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Local(_) => Vec::new(),
            Self::Shared(shared) => shared.others().await,
        }
    }

    /// What the backbone counts. `None`: numbers are given here.
    pub(crate) fn figures(&self) -> Option<Figures> {
        match self {
            Self::Local(_) => None,
            Self::Shared(shared) => Some(shared.figures()),
        }
    }
}
