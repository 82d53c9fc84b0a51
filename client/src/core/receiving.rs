//! What the gateway's frames change.

use super::{
    Core, Effect, Line,
    subscription::{Position, Stage},
};
use crate::{Event, Message, Notice, PublishError, Stop};
use protocol::{ErrorCode, Failure, Ready, ServerFrame, Subscribed, Topic};
use std::time::Duration;

/// Before a repeat for which the gateway names no time.
const AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// A frame that cannot be read is skipped: a newer gateway may send kinds that are not known.
    pub(super) fn received(&mut self, text: &str) {
        if !matches!(self.line, Line::SettingUp { .. } | Line::Ready(_)) {
            return;
        }
        let Ok(frame) = ServerFrame::parse(text) else { return };
        match frame {
            ServerFrame::Subscribed(subscribed) => self.subscribed(&subscribed),
            ServerFrame::Unsubscribed(unsubscribed) => {
                if !self.subscriptions.left(&unsubscribed.topic) {
                    let code = unsubscribed.code.unwrap_or(ErrorCode::Forbidden);
                    self.topic_refused(&unsubscribed.topic, code, code.meaning());
                }
            }
            ServerFrame::Ready(ready) => self.ready(&ready),
            ServerFrame::Message(message) => self.message(message),
            ServerFrame::Ack(ack) => {
                if let Some(settled) = self.publishes.acked(&ack) {
                    self.settle(settled);
                }
            }
            ServerFrame::Error(failure) => self.refused(&failure),
            ServerFrame::Pong => {}
        }
    }

    fn ready(&mut self, ready: &Ready<'_>) {
        self.session = Some(ready.session_id.as_ref().to_owned());
        self.limits = Some(ready.limits);
        self.refused_tokens = 0;
        self.expires_in(ready.expires_in_ms.map(Duration::from_millis));
        if matches!(self.line, Line::Ready(_)) {
            return;
        }
        self.line = Line::Ready(self.now);
        self.notice(Notice::Connected { resumed: ready.resumed == Some(true) });
        for settled in self.publishes.too_large(ready.limits.max_frame) {
            self.settle(settled);
        }
        // All topics of the setup were answered before; only for those above the limit there is
        // one error together.
        let code = ErrorCode::TooManySubscriptions;
        let unanswered: Vec<_> = self
            .subscriptions
            .iter_mut()
            .filter(|subscription| subscription.stage == Stage::Asked)
            .map(|subscription| subscription.topic.clone())
            .collect();
        for topic in unanswered {
            self.topic_refused(&topic, code, code.remedy());
        }
        self.ask_for_topics();
    }

    fn subscribed(&mut self, frame: &Subscribed<'_>) {
        let Some(subscription) = self.subscriptions.current(&frame.topic) else {
            // The session remembers a topic that the user has left meanwhile.
            if !self.subscriptions.is_leaving(&frame.topic) {
                self.leave(frame.topic.clone().into_owned());
            }
            return;
        };
        subscription.stage = Stage::Live;
        let before = subscription.position.as_ref().map(|position| position.seq_no.get());
        let is_lost = frame.recovered == Some(false);
        let moved = match (frame.after, before) {
            (Some(after), _) => Some(after),
            (None, Some(_)) if !is_lost => None,
            (None, _) => Some(frame.seq_no),
        };
        if let Some(seq_no) = moved {
            let epoch = Some(frame.epoch.clone().into_owned());
            subscription.position = Some(Position { seq_no, epoch });
        }
        if is_lost {
            let after = moved.unwrap_or(frame.seq_no).get();
            let topic = frame.topic.as_str().to_owned();
            self.notice(Notice::Lost { topic, position: before, after });
        }
    }

    fn message(&mut self, message: protocol::Message<'_>) {
        let Some(subscription) = self.subscriptions.current(&message.topic) else { return };
        let (Stage::Live, Some(position)) = (subscription.stage, &mut subscription.position) else {
            return;
        };
        let (last, number) = (position.seq_no, message.seq_no);
        if number <= last {
            return;
        }
        position.seq_no = number;
        let epoch =
            position.epoch.as_ref().map_or_else(String::new, |epoch| epoch.as_str().to_owned());
        let topic = message.topic.as_str().to_owned();
        let before = message.prev_seq_no.map_or(number.get() - 1, protocol::SeqNo::get);
        if before > last.get() {
            let (position, next) = (last.get(), number.get());
            self.notice(Notice::Gap { topic: topic.clone(), position, next });
        }
        self.effects.push_back(Effect::Tell(Event::Message(Message {
            topic,
            seq_no: number.get(),
            epoch,
            message_id: message.message_id.as_str().to_owned(),
            signature: message.sig.map(std::borrow::Cow::into_owned),
            data: message.data.into_owned(),
        })));
    }

    fn refused(&mut self, failure: &Failure<'_>) {
        let delay = failure.retry_after_ms.map_or(AGAIN, Duration::from_millis);
        if let Some(message_id) = &failure.message_id {
            return self.publish_refused(message_id, failure, delay);
        }
        if let Some(topic) = &failure.topic {
            let Ok(topic) = Topic::new(topic.as_ref()) else { return };
            return match failure.code {
                ErrorCode::BackboneUnavailable | ErrorCode::RateLimited | ErrorCode::Internal => {
                    let at = self.now + delay;
                    if let Some(subscription) = self.subscriptions.current(&topic) {
                        subscription.stage = Stage::Later(at);
                    }
                }
                code => self.topic_refused(&topic, code, &failure.message),
            };
        }
        if matches!(self.line, Line::Ready(_)) {
            let text = format!("{}: {}", failure.code.as_str(), failure.message);
            return self.notice(Notice::Warning { text });
        }
        match failure.code {
            ErrorCode::AuthFailed | ErrorCode::TokenExpired => {
                self.token_refused(failure.code.as_str());
            }
            ErrorCode::BackboneUnavailable | ErrorCode::RateLimited => self.repeat_setup_in(delay),
            ErrorCode::ShuttingDown | ErrorCode::Internal => {
                self.give_up(failure.code.as_str());
            }
            code => {
                self.disconnect(protocol::CloseCode::Normal.number());
                self.stop(Stop::Setup { code, text: failure.message.as_ref().to_owned() });
            }
        }
    }

    fn publish_refused(&mut self, message_id: &str, failure: &Failure<'_>, delay: Duration) {
        match failure.code {
            ErrorCode::BackboneUnavailable
            | ErrorCode::RateLimited
            | ErrorCode::ShuttingDown
            | ErrorCode::SetupRequired
            | ErrorCode::Internal => self.publishes.again(message_id, self.now + delay),
            code => {
                let text = failure.message.as_ref().to_owned();
                let refused = PublishError::Refused { code, text };
                if let Some(settled) = self.publishes.refused(message_id, refused) {
                    self.settle(settled);
                }
            }
        }
    }

    fn topic_refused(&mut self, topic: &Topic<'_>, code: ErrorCode, text: &str) {
        if self.subscriptions.is_leaving(topic) || self.subscriptions.remove(topic).is_none() {
            return;
        }
        let topic = topic.as_str().to_owned();
        self.notice(Notice::Refused { topic, code, text: text.to_owned() });
    }
}
