//! Which topics are attached: each once for the process, however many subscribers it has, from its
//! first subscriber until it is forgotten.

use super::{
    OwnedOwner, Reach,
    follower::{Follower, head_as_hub},
};
use crate::{
    backbone::{Attached, Demand, Event, Inbox, Unavailable},
    completion::{Completion, Operation},
};
use dashmap::{DashMap, Entry};
use hub::{
    Sink, Topic,
    topic::{Attachment, Name},
};
use std::{
    fmt,
    sync::{Arc, Weak},
};

/// What is known of a topic's attachment.
#[derive(Debug)]
enum Status<S: Sink> {
    /// It is under way.
    Attaching {
        /// An event came already: the head that the attachment gives is too old.
        is_behind: bool,
        operation: Operation,
    },
    /// Its events go there.
    Attached(Arc<Follower<S>>),
}

/// A topic and what takes its events.
pub(super) type AttachedTopic<S> = (Arc<Topic<S>>, Arc<Follower<S>>);

pub(super) struct Followers<S: Sink> {
    own: Weak<Self>,
    reach: Arc<Reach<S>>,
    topics: DashMap<Name, Status<S>, ahash::RandomState>,
}

impl<S: Sink> fmt::Debug for Followers<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers").field("topics", &self.topics.len()).finish_non_exhaustive()
    }
}

impl<S: Sink> Followers<S> {
    pub(super) fn new(reach: Arc<Reach<S>>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self { own: own.clone(), reach, topics: DashMap::default() })
    }

    /// The topic and its follower, once it is attached. `None`: it could not be attached, or there
    /// is no room for it. Cancel-safe.
    pub(super) async fn attached(
        &self,
        name: &Name,
        owner: OwnedOwner,
    ) -> Option<AttachedTopic<S>> {
        if let Some(found) = self.find(name) {
            return Some(found);
        }
        self.begin(name, owner)?.wait().await;
        self.find(name)
    }

    fn find(&self, name: &Name) -> Option<AttachedTopic<S>> {
        let topic = self.reach.core.topics.find(name)?;
        match &*self.topics.get(name)? {
            Status::Attached(follower) => Some((topic, follower.clone())),
            Status::Attaching { .. } => None,
        }
    }

    /// `None`: this is about to be dropped.
    fn begin(&self, name: &Name, owner: OwnedOwner) -> Option<Completion> {
        let entry = self.topics.entry(name.clone());
        if let Entry::Occupied(entry) = &entry
            && let Status::Attaching { operation, .. } = entry.get()
        {
            return Some(operation.completion());
        }
        let operation = Operation::default();
        let completion = operation.completion();
        // One that was attached belongs to a topic that was forgotten.
        entry.insert(Status::Attaching { is_behind: false, operation });
        let (own, name) = (self.own.upgrade()?, name.clone());
        self.reach.core.tasks.spawn(async move {
            let attached =
                own.reach.ask(own.reach.backbone.attach(name.clone(), own.clone())).await;
            own.finish(&name, owner, attached);
        });
        Some(completion)
    }

    fn finish(&self, name: &Name, owner: OwnedOwner, attached: Result<Attached, Unavailable>) {
        let remove = || drop(self.topics.remove(name));
        let Attached { head, guard } = match attached {
            Ok(attached) => attached,
            Err(error) => {
                tracing::warn!(%error, "a topic cannot be attached");
                return remove();
            }
        };
        let attachment =
            Guard { followers: self.own.clone(), name: name.clone(), _backbone: guard };
        let (begin, attachment) = (head_as_hub(&head), Attachment(Box::new(attachment)));
        let Ok(topic) = self.reach.core.topics.adopt(name, owner.get(), begin, attachment) else {
            return remove();
        };
        let follower =
            Arc::new(Follower::new(self.reach.clone(), name.clone(), Arc::downgrade(&topic)));
        let before = self.topics.insert(name.clone(), Status::Attached(follower.clone()));
        if let Some(Status::Attaching { is_behind: true, .. }) = before {
            follower.deliver(&Event::Head(crate::backbone::Head { seq_no: u64::MAX, ..head }));
        }
    }
}

impl<S: Sink> Inbox for Followers<S> {
    fn deliver(&self, topic: &Name, event: Event) -> Demand {
        let follower = match self.topics.get_mut(topic).as_deref_mut() {
            Some(Status::Attached(follower)) => follower.clone(),
            Some(Status::Attaching { is_behind, .. }) => {
                *is_behind = true;
                return Demand::Pause;
            }
            None => return Demand::Pause,
        };
        follower.deliver(&event)
    }
}

/// Ends an attachment when its topic is forgotten.
struct Guard<S: Sink> {
    followers: Weak<Followers<S>>,
    name: Name,
    _backbone: Box<dyn Send + Sync>,
}

impl<S: Sink> Drop for Guard<S> {
    fn drop(&mut self) {
        let Some(followers) = self.followers.upgrade() else { return };
        let is_gone = |_: &Name, status: &Status<S>| match status {
            Status::Attached(follower) => {
                follower.topic().is_none_or(|topic| topic.followed().is_none())
            }
            Status::Attaching { .. } => false,
        };
        followers.topics.remove_if(&self.name, is_gone);
    }
}
