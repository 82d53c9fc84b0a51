//! Numbers given by this process: claim, number and history in one step, under two short locks.

use super::{Core, FollowUp, Publication, PublishError, Published, Stored};
use crate::dedup::{Claim, Place};
use hub::{Appended, Owner, Retired, Sink, TooManyTopics, Topic};
use protocol::AckStatus;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Local<S: Sink>(Arc<Core<S>>);

impl<S: Sink> Local<S> {
    pub(super) fn new(core: Arc<Core<S>>) -> Self {
        Self(core)
    }

    pub(super) fn publish(
        &self,
        Publication { publisher, topic, message_id, data, now }: Publication<'_>,
        last: &mut Option<Arc<Topic<S>>>,
    ) -> Result<Stored<S>, PublishError> {
        let Core { topics, dedup, meter, .. } = &*self.0;
        let claim = dedup.claim(publisher.user(), publisher.counted(), message_id, now, || {
            let append = |topic: &Arc<Topic<S>>| -> Result<_, Retired> {
                Ok((topic.append(now, message_id, data)?, topic.clone()))
            };
            let (appended, topic) = topics.with(topic, publisher.owner(), last, append)?;
            let place = Place { topic: topic.name().clone(), seq_no: appended.seq_no };
            Ok::<_, TooManyTopics>(((place.clone(), appended, topic), Some(place)))
        })?;
        Ok(match claim {
            Claim::Duplicate(place) => {
                meter.count_publish(AckStatus::Duplicate);
                Stored::Now(Published::duplicate(place), FollowUp::NONE)
            }
            Claim::UnderWay(_) => unreachable!("a message that is numbered here has its place"),
            Claim::First((place, appended, topic)) => {
                meter.count_publish(AckStatus::Ok);
                let Appended { subscribers, congested, fan_out, .. } = appended;
                let follow_up = FollowUp { fan_out, congested: congested.then_some(topic) };
                let published = Published { status: AckStatus::Ok, place, subscribers };
                Stored::Now(published, follow_up)
            }
        })
    }

    pub(super) fn with_topic<T>(
        &self,
        name: &protocol::Topic<'_>,
        owner: Owner<'_>,
        last: &mut Option<Arc<Topic<S>>>,
        act: impl FnMut(&Arc<Topic<S>>) -> Result<T, Retired>,
    ) -> Result<T, TooManyTopics> {
        self.0.topics.with(name, owner, last, act)
    }
}
