//! `unsubscribe`.

use super::{Conversation, Phase, put};
use protocol::{ServerFrame, Unsubscribe, Unsubscribed};

impl Conversation {
    /// The subscription ends before the answer is written: no message of the topic comes behind it.
    pub(super) fn unsubscribe(&mut self, unsubscribe: Unsubscribe<'_>) {
        if let Phase::SetUp(client) = &self.phase {
            let has_left = self.subscriptions.leave(&unsubscribe.topic, &client.session);
            if !has_left {
                // A topic of the session that was unavailable at the setup.
                client.session.remove(&unsubscribe.topic.clone().into_owned());
            }
        }
        put(
            &mut self.turn.answers,
            &ServerFrame::Unsubscribed(Unsubscribed { topic: unsubscribe.topic, code: None }),
        );
    }
}
