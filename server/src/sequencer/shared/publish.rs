//! One publish, from its claim to its fate.

use super::{Publication, PublishError, Published, Reach, Stored};
use crate::{
    backbone::{Backbone, Message, Outcome, Unavailable},
    dedup::{Claim, Counted, Dedup, Lease, Place},
    metrics::Meter,
    sequencer::FollowUp,
};
use futures_util::{FutureExt, future::BoxFuture};
use hub::{Sink, clock::Micros, topic::Name};
use protocol::{AckStatus, MessageId};
use serde_json::value::RawValue;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::timeout};

pub(super) fn begin<S: Sink>(
    reach: &Reach<S>,
    Publication { publisher, topic, message_id, data, now }: Publication<'_>,
) -> Stored<S> {
    let core = &reach.core;
    let publish = Publish {
        backbone: reach.backbone.clone(),
        dedup: core.dedup.clone(),
        counted: publisher.counted(),
        meter: core.meter.clone(),
        timeout: reach.limits.publish_timeout,
        subscribers: core.topics.find(topic).map_or(0, |topic| topic.subscribers()),
    };
    let claim = publish.claim(publisher.user(), message_id, now);
    if let Claim::Duplicate(place) = claim {
        core.meter.count_publish(AckStatus::Duplicate);
        return Stored::Now(Published::duplicate(place), FollowUp::NONE);
    }
    let data = RawValue::from_string(data.to_owned())
        .unwrap_or_else(|error| unreachable!("a payload is JSON: {error}"));
    let message = Message {
        topic: topic.clone().into_owned(),
        user: publisher.user().into(),
        message_id: message_id.clone().into_owned(),
        data,
    };
    let (tell, told) = oneshot::channel();
    let outcome = publish.go_on(claim, message);
    core.tasks.spawn(async move {
        // The connection may have gone meanwhile.
        let _ = tell.send(outcome.await);
    });
    Stored::Later(async move { told.await.unwrap_or(Err(Unavailable.into())) }.boxed())
}

struct Publish {
    backbone: Arc<dyn Backbone>,
    dedup: Arc<Dedup>,
    counted: Counted,
    meter: Arc<Meter>,
    timeout: Duration,
    subscribers: usize,
}

impl Publish {
    fn claim(&self, user: &str, message_id: &MessageId<'_>, now: Micros) -> Claim<Lease> {
        let lease = || Ok::<_, Infallible>((self.dedup.lease(user, message_id), None));
        let claim = self.dedup.claim(user, self.counted, message_id, now, lease);
        claim.unwrap_or_else(|never| match never {})
    }

    /// What is claimed already is handed over within the call.
    fn go_on(
        self,
        claim: Claim<Lease>,
        message: Message,
    ) -> BoxFuture<'static, Result<Published, PublishError>> {
        match claim {
            Claim::Duplicate(place) => {
                self.meter.count_publish(AckStatus::Duplicate);
                async move { Ok(Published::duplicate(place)) }.boxed()
            }
            Claim::First(lease) => {
                let topic = message.topic.clone();
                let outcome = self.backbone.publish(message);
                async move {
                    let outcome = timeout(self.timeout, outcome).await.unwrap_or(Outcome::Unknown);
                    self.settle(lease, topic, outcome)
                }
                .boxed()
            }
            Claim::UnderWay(completion) => async move {
                completion.wait().await;
                let now = self.dedup.now();
                let claim = self.claim(&message.user, &message.message_id, now);
                self.go_on(claim, message).await
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
