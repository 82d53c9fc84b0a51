//! Topics that are numbered by a [`Backbone`]: publishing to its log, and following it. A topic is
//! attached once for the process, however many subscribers it has, from the first subscriber until
//! it is forgotten.

use super::{Duty, Gateway, PublishError, Published, Publisher, Stored};
use crate::{
    backbone::{Backbone, Feed, Message, Outcome, Unavailable},
    dedup::{Counted, Dedup, Lease, Leased, Place},
    ending::UnderWay,
    hub::{
        Owner, Topic,
        topic::{Attachment, Name},
    },
    metrics::Meter,
    socket::{Connection, drive},
};
use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use protocol::{AckStatus, Epoch, MessageId, UserId};
use serde_json::value::RawValue;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

#[derive(Debug)]
pub(super) struct SharedLog {
    backbone: Arc<dyn Backbone>,
    publish_timeout: Duration,
    /// Attachments under way.
    attaching: Arc<Mutex<HashMap<Name, UnderWay>>>,
}

impl SharedLog {
    pub(super) fn new(backbone: Arc<dyn Backbone>, publish_timeout: Duration) -> Self {
        Self { backbone, publish_timeout, attaching: Arc::default() }
    }

    /// Hands the message over before it returns, so that a client's publishes stay in order. What
    /// becomes of it is seen to by a task of its own, whether or not somebody waits for the
    /// answer.
    pub(super) fn store(
        &self,
        gateway: &Gateway,
        publisher: Publisher<'_>,
        topic: &protocol::Topic<'_>,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> Stored {
        let (user, counted) = (publisher.user(), publisher.counted());
        let under_way = match gateway.dedup.lease(user, counted, message_id) {
            Leased::Duplicate(place) => {
                gateway.meter.count_publish(AckStatus::Duplicate);
                return Stored::Now(Published::duplicate(place), Duty::default());
            }
            other => other,
        };
        let data = RawValue::from_string(data.to_owned())
            .unwrap_or_else(|error| unreachable!("a payload is JSON: {error}"));
        let message = Message {
            topic: topic.clone().into_owned(),
            user: user.into(),
            message_id: message_id.clone().into_owned(),
            data,
        };
        let publish = Publish {
            backbone: self.backbone.clone(),
            dedup: gateway.dedup.clone(),
            counted,
            meter: gateway.meter.clone(),
            timeout: self.publish_timeout,
            subscribers: gateway.topics.find(topic).map_or(0, |topic| topic.subscribers()),
        };
        let (tell, told) = oneshot::channel();
        let outcome = publish.once(under_way, message);
        gateway.tasks.spawn(async move {
            // The connection may have gone meanwhile.
            let _ = tell.send(outcome.await);
        });
        Stored::Later(async move { told.await.unwrap_or(Err(Unavailable.into())) }.boxed())
    }

    /// `None`: the topic is there.
    pub(super) fn attach(
        &self,
        gateway: &Arc<Gateway>,
        topic: &protocol::Topic<'_>,
        user: &UserId<'_>,
    ) -> Option<BoxFuture<'static, ()>> {
        if gateway.topics.find(topic).is_some() {
            return None;
        }
        let name = topic.clone().into_owned();
        let mut attaching = self.attaching.lock();
        let under_way = attaching.entry(name).or_insert_with_key(|name| {
            self.begin(gateway, name.clone(), user.clone().into_owned());
            UnderWay::default()
        });
        Some(under_way.ending().come().boxed())
    }

    fn begin(&self, gateway: &Arc<Gateway>, name: Name, user: UserId<'static>) {
        let (attaching, backbone) = (self.attaching.clone(), self.backbone.clone());
        let feed = Arc::new_cyclic(|own| TopicFeed {
            own: own.clone(),
            gateway: Arc::downgrade(gateway),
            backbone: backbone.clone(),
            name: name.clone(),
            user,
            topic: OnceLock::new(),
        });
        gateway.tasks.spawn(async move {
            if let Err(error) = backbone.attach(name.clone(), feed).await {
                tracing::warn!(%error, "a topic cannot be attached");
            }
            attaching.lock().remove(&name);
        });
    }
}

/// One publish, from its claim to its fate.
struct Publish {
    backbone: Arc<dyn Backbone>,
    dedup: Arc<Dedup>,
    counted: Counted,
    meter: Arc<Meter>,
    timeout: Duration,
    subscribers: usize,
}

impl Publish {
    /// What is claimed already is handed over within the call.
    fn once(
        self,
        claim: Leased,
        message: Message,
    ) -> BoxFuture<'static, Result<Published, PublishError>> {
        match claim {
            Leased::Duplicate(place) => {
                self.meter.count_publish(AckStatus::Duplicate);
                async move { Ok(Published::duplicate(place)) }.boxed()
            }
            Leased::First(lease) => {
                let topic = message.topic.clone();
                let outcome = self.backbone.publish(message);
                async move {
                    self.settle(
                        lease,
                        topic,
                        timeout(self.timeout, outcome).await.unwrap_or(Outcome::Unknown),
                    )
                }
                .boxed()
            }
            Leased::UnderWay(fate) => async move {
                fate.come().await;
                let claim = self.dedup.lease(&message.user, self.counted, &message.message_id);
                self.once(claim, message).await
            }
            .boxed(),
        }
    }

    fn settle(
        &self,
        lease: Lease,
        topic: Name,
        outcome: Outcome,
    ) -> Result<Published, PublishError> {
        let published = match outcome {
            Outcome::Stored(seq_no) => {
                let place = Place { topic: Arc::new(topic), seq_no };
                lease.stored(place.clone());
                Published { status: AckStatus::Ok, place, subscribers: self.subscribers }
            }
            Outcome::Duplicate(place) => {
                lease.stored(place.clone());
                Published::duplicate(place)
            }
            Outcome::Refused => {
                lease.refused();
                return Err(Unavailable.into());
            }
            // The claim stays as a lease.
            Outcome::Unknown => return Err(Unavailable.into()),
        };
        self.meter.count_publish(published.status);
        Ok(published)
    }
}

/// Where the log of a topic arrives in this process.
struct TopicFeed {
    own: Weak<Self>,
    gateway: Weak<Gateway>,
    backbone: Arc<dyn Backbone>,
    name: Name,
    /// The user whose the topic is: the first that asked for it.
    user: UserId<'static>,
    topic: OnceLock<Weak<Topic<Connection>>>,
}

impl TopicFeed {
    fn with_topic(
        &self,
        act: impl FnOnce(&Arc<Topic<Connection>>) -> Option<crate::hub::FanOut<Connection>>,
    ) {
        let (Some(gateway), Some(topic)) =
            (self.gateway.upgrade(), self.topic.get().and_then(Weak::upgrade))
        else {
            return;
        };
        if let Some(fan_out) = act(&topic) {
            gateway.tasks.spawn(drive::to_the_end(fan_out));
        }
    }
}

impl Feed for TopicFeed {
    fn begin(&self, head: u64, epoch: Epoch<'static>) {
        let (Some(gateway), Some(own)) = (self.gateway.upgrade(), self.own.upgrade()) else {
            return;
        };
        let attachment = Attachment(Box::new(Attached {
            backbone: self.backbone.clone(),
            name: self.name.clone(),
            feed: own,
        }));
        if let Ok(topic) = gateway.topics.adopt(
            &self.name,
            Owner::User(self.user.as_str()),
            head,
            epoch,
            attachment,
        ) {
            // It is called once.
            let _ = self.topic.set(Arc::downgrade(&topic));
        }
    }

    fn message(&self, seq_no: u64, message_id: &MessageId<'_>, data: &RawValue) {
        self.with_topic(|topic| topic.receive(seq_no, message_id, data.get()));
    }

    fn lost(&self, head: u64, epoch: Epoch<'static>) {
        self.with_topic(|topic| topic.lose(head, epoch));
    }
}

/// Detaches the topic when it is forgotten.
struct Attached {
    backbone: Arc<dyn Backbone>,
    name: Name,
    feed: Arc<dyn Feed>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.backbone.detach(&self.name, &self.feed);
    }
}
