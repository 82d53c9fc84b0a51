//! Numbers given by a log that several gateways share.
//!
//! | file | idea |
//! |---|---|
//! | `publish` | a publish, from its claim to its fate |
//! | `follower` | one attached topic: takes its log's events, or asks for what is missing |
//! | `catch_up` | brings a follower to the proved end of its log |
//! | `followers` | which topics are attached, each once for the process |
//! | `pages` | parts of logs below a topic's history, for subscribers that resume there |

mod catch_up;
mod follower;
mod followers;
mod pages;
mod publish;

use super::{Core, NoTopic, Prepared, Publication, PublishError, Published, Stored};
use crate::backbone::{
    Backbone, Description, Figures, Health, Part, ReadBudget, ReadError, Unavailable,
};
use followers::Followers;
use futures_util::{FutureExt, future::BoxFuture};
use hub::{
    Owner, Retired, Sink, Topic,
    topic::{Name, Page},
};
use pages::Pages;
use protocol::{Epoch, Position};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// What a backbone may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a publish waits; then its fate is unknown.
    pub(crate) publish_timeout: Duration,
    /// How long attaching a topic, or a question about its log, waits.
    pub(crate) attach_timeout: Duration,
    /// Reads for subscribers that resume, at the same time.
    pub(crate) reads: usize,
    /// Memory of the pages that were read last, in bytes.
    pub(crate) page_bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Shared<S: Sink> {
    reach: Arc<Reach<S>>,
    followers: Arc<Followers<S>>,
    pages: Arc<Pages<S>>,
}

/// What everything here works with.
#[derive(Debug)]
struct Reach<S: Sink> {
    core: Arc<Core<S>>,
    backbone: Arc<dyn Backbone>,
    limits: Limits,
}

impl<S: Sink> Reach<S> {
    /// Asks the backbone, within the time limit.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        timeout(self.limits.attach_timeout, question).await.unwrap_or(Err(Unavailable))
    }

    /// Reads a part of a topic's log, within the time limit.
    async fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> Result<Part, ReadError> {
        let part = self.backbone.read(topic, epoch, after, budget);
        timeout(self.limits.attach_timeout, part).await.unwrap_or(Err(Unavailable.into()))
    }
}

impl<S: Sink> Shared<S> {
    pub(super) fn new(core: Arc<Core<S>>, backbone: Arc<dyn Backbone>, limits: Limits) -> Self {
        let reach = Arc::new(Reach { core, backbone, limits });
        Self {
            followers: Followers::new(reach.clone()),
            pages: Arc::new(Pages::new(reach.clone())),
            reach,
        }
    }

    /// Hands the message over before it returns, so that a client's publishes stay in order. A task
    /// sees to what becomes of it, whether or not anything waits for the answer.
    pub(super) fn publish(&self, publication: Publication<'_>) -> Stored<S> {
        publish::begin(&self.reach, publication)
    }

    pub(super) fn prepare(
        &self,
        topic: &protocol::Topic<'_>,
        owner: Owner<'_>,
        position: Option<Position<'_>>,
    ) -> Option<BoxFuture<'static, Result<Prepared, Unavailable>>> {
        let wanted = position.map(|position| Wanted {
            epoch: position.epoch.map(ToOwned::to_owned),
            after: position.last_seq.get(),
        });
        let found = self.reach.core.topics.find(topic);
        if let Some(topic) = &found
            && wanted.as_ref().is_none_or(|wanted| wanted.is_ready(topic))
        {
            return None;
        }
        let (followers, pages, name) =
            (self.followers.clone(), self.pages.clone(), topic.clone().into_owned());
        let owner = OwnedOwner::from(owner);
        Some(async move { prepare(&followers, &pages, name, owner, wanted).await }.boxed())
    }

    pub(super) fn with_topic<T>(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        act: impl FnMut(&Arc<Topic<S>>) -> Result<T, Retired>,
    ) -> Result<T, NoTopic> {
        let topics = &self.reach.core.topics;
        let found = topics.find(name);
        found.as_ref().map(act).and_then(Result::ok).ok_or_else(|| {
            match topics.limit_reached(owner) {
                Some(full) => NoTopic::TooMany(full),
                None => NoTopic::Unavailable(Unavailable),
            }
        })
    }

    pub(super) fn page(
        &self,
        topic: &Arc<Topic<S>>,
        epoch: Arc<Epoch<'static>>,
        after: u64,
    ) -> BoxFuture<'static, Result<Arc<Page>, Unavailable>> {
        let (pages, topic) = (self.pages.clone(), topic.clone());
        async move { pages.get(&topic, &epoch, after).await }.boxed()
    }

    pub(super) fn health(&self) -> Health {
        self.reach.backbone.health()
    }

    pub(super) fn introduce(&self, own: Description) {
        self.reach.backbone.introduce(own);
    }

    pub(super) fn others(&self) -> BoxFuture<'static, Vec<Vec<u8>>> {
        self.reach.backbone.others()
    }

    pub(super) fn figures(&self) -> Figures {
        self.reach.backbone.figures()
    }
}

/// A topic's owner, independent of what it was read from.
#[derive(Debug, Clone)]
enum OwnedOwner {
    User(Box<str>),
    Backends,
}

impl From<Owner<'_>> for OwnedOwner {
    fn from(owner: Owner<'_>) -> Self {
        match owner {
            Owner::User(user) => Self::User(user.into()),
            Owner::Backends => Self::Backends,
        }
    }
}

impl OwnedOwner {
    fn get(&self) -> Owner<'_> {
        match self {
            Self::User(user) => Owner::User(user),
            Self::Backends => Owner::Backends,
        }
    }
}

/// The position from which a subscription is to begin.
#[derive(Debug)]
struct Wanted {
    epoch: Option<String>,
    after: u64,
}

impl Wanted {
    /// Whether the topic has what it takes to answer, without the log.
    fn is_ready<S: Sink>(&self, topic: &Topic<S>) -> bool {
        let Some(followed) = topic.followed() else { return false };
        let is_another_life =
            self.epoch.as_deref().is_some_and(|named| named != followed.epoch.as_str());
        is_another_life || (topic.floor()..=followed.head).contains(&self.after)
    }
}

/// Attaches the topic if it is not attached; follows the log to its end if the position is above
/// what is known here; reads it if the position is below.
async fn prepare<S: Sink>(
    followers: &Arc<Followers<S>>,
    pages: &Pages<S>,
    name: Name,
    owner: OwnedOwner,
    wanted: Option<Wanted>,
) -> Result<Prepared, Unavailable> {
    // If it cannot be attached, or there is no room, the subscription is refused for that.
    let Some((topic, follower)) = followers.attached(&name, owner).await else {
        return Ok(Prepared::default());
    };
    let attached = Prepared { page: None, is_attached: true };
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_ready(&topic)) else {
        return Ok(attached);
    };
    let Some(mut followed) = topic.followed() else { return Ok(attached) };
    if wanted.after > followed.head {
        // Another gateway may have delivered more than has come here.
        follower.to_the_end().await?;
        match topic.followed() {
            Some(now) => followed = now,
            None => return Ok(attached),
        }
    }
    if wanted.after >= topic.floor() || wanted.is_ready(&topic) {
        return Ok(attached);
    }
    let page = pages.get(&topic, &followed.epoch, wanted.after).await?;
    Ok(Prepared { page: Some(page), ..attached })
}
