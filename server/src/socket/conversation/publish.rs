//! A client's publishes: whether they are let in, and their answers, in their order, at once or
//! when the backbone has answered.

use super::{Closing, Conversation, Flow, Phase, Stop, failure, put};
use crate::{
    bucket::Rate,
    connection::Connection,
    gateway::{FollowUp, Publication, PublishError, Published, Publisher, Stored},
};
use futures_util::future::BoxFuture;
use protocol::{CloseCode, ErrorCode, Failure, MessageId, Publish, ServerFrame, encode};
use std::sync::Arc;
use websocket::put_text_frame;

impl Conversation {
    pub(super) fn publish(&mut self, publish: &Publish<'_>) -> Flow {
        let Phase::SetUp(client) = &self.phase else { return Flow::Continue(()) };
        let Publish { topic, message_id, payload } = publish;
        let config = &self.gateway.config().limits;
        let rate = Rate { per_second: config.publish_rate, burst: config.publish_burst };
        let now = self.gateway.clock.now();
        let refused = if self.published.available(rate, now) == 0 {
            self.rate_refusals += 1;
            let wait = self.published.wait(rate, 1);
            let text = format!(
                "a connection may publish {} messages a second, {} at once",
                rate.per_second, rate.burst
            );
            Failure {
                retry_after_ms: Some(wait.as_millis() as u64 + 1),
                ..failure(ErrorCode::RateLimited, text)
            }
        } else if !client.rights.may_publish(topic) {
            failure(ErrorCode::Forbidden, "the token does not cover publishing to this topic")
        } else {
            self.published.take(1);
            self.rate_refusals = 0;
            let publisher = Publisher::User(client.user.as_str());
            let data = payload.get();
            let publication = Publication { publisher, topic, message_id, data, now };
            match self.gateway.store(publication, &mut self.last_topic) {
                Ok(Stored::Now(published, follow_up)) => {
                    self.answer_publish(|out| put_ack(out, message_id, &published));
                    self.owe(follow_up);
                    return self.unless_full();
                }
                Ok(Stored::Later(published)) => {
                    return self.await_backbone(topic, message_id, published);
                }
                Err(error) => failure(error.code(), error.to_string()),
            }
        };
        self.fail(naming(topic, message_id, refused));
        if self.rate_refusals as usize >= self.gateway.config().limits.rate_refusals {
            return Flow::Break(Closing::from(CloseCode::RateRefused).into());
        }
        self.unless_full()
    }

    /// The answer to a publish: behind those that still wait for the backbone.
    pub(super) fn answer_publish(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        if self.in_flight.is_empty() {
            put(&mut self.turn.answers);
        } else {
            let mut frame = Vec::new();
            put(&mut frame);
            self.in_flight.push_known(frame);
        }
    }

    fn await_backbone(
        &mut self,
        topic: &protocol::Topic<'_>,
        message_id: &MessageId<'_>,
        published: BoxFuture<'static, Result<Published, PublishError>>,
    ) -> Flow {
        let (topic, message_id, gateway) =
            (topic.clone().into_owned(), message_id.clone().into_owned(), self.gateway.clone());
        self.in_flight.push(async move {
            let mut frame = Vec::new();
            match published.await {
                Ok(published) => put_ack(&mut frame, &message_id, &published),
                Err(error) => {
                    gateway.meter.count_error(error.code());
                    let refused = failure(error.code(), error.to_string());
                    put(&mut frame, &ServerFrame::Error(naming(&topic, &message_id, refused)));
                }
            }
            frame
        });
        self.unless_full()
    }

    fn unless_full(&self) -> Flow {
        if self.is_full() { Flow::Break(Stop::Full) } else { Flow::Continue(()) }
    }

    fn owe(&mut self, FollowUp { fan_out, congested }: FollowUp<Connection>) {
        self.turn.fan_outs.extend(fan_out);
        if let Some(topic) = congested
            && !self.turn.congested.iter().any(|known| Arc::ptr_eq(known, &topic))
        {
            self.turn.congested.push(topic);
        }
    }
}

fn put_ack(
    out: &mut Vec<u8>,
    message_id: &MessageId<'_>,
    Published { status, place, .. }: &Published,
) {
    put_text_frame(out, 100 + place.topic.as_str().len() + message_id.as_str().len(), |out| {
        encode::put_ack(out, message_id, *status, &place.topic, place.seq_no);
    });
}

/// `why`, as the answer to this publish.
fn naming<'a>(
    topic: &'a protocol::Topic<'_>,
    message_id: &'a MessageId<'_>,
    why: Failure<'a>,
) -> Failure<'a> {
    Failure {
        topic: Some(topic.as_str().into()),
        message_id: Some(message_id.as_str().into()),
        ..why
    }
}
