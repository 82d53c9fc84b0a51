//! `setup` on a connection that is set up: a fresh token.

use super::{Conversation, Flow, Phase, plan::Plan, put, setup::Progress};
use crate::auth::Identity;
use protocol::{ErrorCode, Ready, ServerFrame, Setup, Unsubscribed};

impl Conversation {
    /// Goes on with a fresh token: longer, with its rights, and with more topics.
    pub(super) fn renew(
        &mut self,
        setup: Setup<'static>,
        Identity { rights, expires, .. }: Identity,
        plan: Plan,
    ) -> Flow {
        let limits = self.limits();
        let connection = self.connection.clone();
        let mut held = connection.hold();
        if connection.has_lapsed() {
            drop(held);
            return Flow::Break(self.expire().into());
        }
        let Phase::SetUp(client) = &mut self.phase else { return Flow::Continue(()) };
        connection.expire_at(expires);
        (client.rights, client.expires) = (rights, expires.map(|end| end.instant));
        self.refused_tokens = 0;
        let mut uncovered: Vec<_> = self
            .subscriptions
            .topics()
            .filter(|topic| !client.rights.may_subscribe(topic))
            .cloned()
            .collect();
        // The table's order is a matter of chance.
        uncovered.sort_unstable();
        for topic in uncovered {
            self.subscriptions.leave(&topic, &client.session);
            let ended = Unsubscribed { topic: topic.reborrow(), code: Some(ErrorCode::Forbidden) };
            put(&mut self.turn.answers, &ServerFrame::Unsubscribed(ended));
        }
        held.put(std::mem::take(&mut self.turn.answers));
        drop(held);
        let session_id = client.session.id().to_text();
        let resumed = setup.session_id.as_ref().map(|named| **named == *session_id);
        let ready = Ready { session_id: session_id.into(), resumed, limits, expires_in_ms: None };
        self.proceed(Box::new(Progress::new(setup, plan, ready)))
    }
}
