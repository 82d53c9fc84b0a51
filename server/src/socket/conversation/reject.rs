//! Frames that are not understood, or come before `setup`.

use super::{Closing, Conversation, Flow, failure};
use protocol::{ClientFrame, CloseCode, ErrorCode, Failure, Rejected};

impl Conversation {
    /// Answers a frame that is not understood; too many in a row end the connection.
    pub(super) fn reject(&mut self, mut rejected: Rejected<'_>) -> Flow {
        if rejected.code == ErrorCode::InvalidTopic {
            self.not_understood = 0;
            if !self.is_set_up() {
                rejected = Rejected {
                    code: ErrorCode::SetupRequired,
                    message: SETUP_FIRST.into(),
                    ..rejected
                };
            }
        } else {
            self.not_understood += 1;
        }
        self.fail(rejected.into());
        if self.not_understood as usize >= self.gateway.config().limits.invalid_frames {
            return Flow::Break(Closing::from(CloseCode::InvalidFrames).into());
        }
        Flow::Continue(())
    }
}

const SETUP_FIRST: &str = "send setup first: {\"type\":\"setup\",\"token\":\"…\"}";

/// The answer to a frame that comes before `setup`.
pub(super) fn setup_required<'a>(frame: &'a ClientFrame<'_>) -> Failure<'a> {
    let (topic, message_id) = match frame {
        ClientFrame::Publish(publish) => (Some(&publish.topic), Some(&publish.message_id)),
        ClientFrame::Subscribe(subscribe) => (Some(&subscribe.topic), None),
        ClientFrame::Unsubscribe(unsubscribe) => (Some(&unsubscribe.topic), None),
        ClientFrame::Ack(receipt) => (Some(&receipt.topic), None),
        ClientFrame::Setup(_) | ClientFrame::Ping => (None, None),
    };
    Failure {
        topic: topic.map(|topic| topic.as_str().into()),
        message_id: message_id.map(|id| id.as_str().into()),
        ..failure(ErrorCode::SetupRequired, SETUP_FIRST)
    }
}
