//! `subscribe`, and what every subscription goes through: whether the client may have it, making its
//! topic ready, joining it, and the answer.

use super::{
    Awaited, Conversation, Flow, Phase, Stop,
    client::Client,
    failure, put,
    subscriptions::{Begin, From},
};
use crate::{backbone::Unavailable, gateway::Prepared};
use futures_util::{FutureExt, future::BoxFuture};
use hub::Owner;
use protocol::{ErrorCode, Failure, Newest, Subscribe};

/// How often a topic was prepared: its history may be trimmed each time before it is joined.
pub(super) type Tries = u8;

/// Then a subscription begins without what was not prepared.
pub(super) const MAX_TRIES: Tries = 3;

/// Makes a topic ready.
pub(super) type Preparing = BoxFuture<'static, Result<Prepared, Unavailable>>;

impl Conversation {
    pub(super) fn subscribe(&mut self, subscribe: Subscribe<'_>) -> Flow {
        let from = subscribe.position().map_or(From::Now, From::Client);
        if let Some(preparing) = self.prepare(&subscribe.topic, &from) {
            let subscribe = subscribe.into_owned();
            let awaited = preparing.map(|prepared| Awaited::Prepared(subscribe, prepared, 1));
            return Flow::Break(Stop::Wait(awaited.boxed()));
        }
        self.join_now(&subscribe, Ok(Prepared::default()));
        Flow::Continue(())
    }

    pub(super) fn join_prepared(
        &mut self,
        subscribe: Subscribe<'static>,
        prepared: Result<Prepared, Unavailable>,
        tries: Tries,
    ) -> Flow {
        let from = subscribe.position().map_or(From::Now, From::Client);
        if tries < MAX_TRIES
            && is_stale(&prepared)
            && let Some(preparing) = self.prepare(&subscribe.topic, &from)
        {
            let again = move |prepared| Awaited::Prepared(subscribe, prepared, tries + 1);
            return Flow::Break(Stop::Wait(preparing.map(again).boxed()));
        }
        self.join_now(&subscribe, prepared);
        Flow::Continue(())
    }

    /// Makes a topic ready that may be subscribed to. `None`: it is ready, or will be refused.
    pub(super) fn prepare(
        &self,
        topic: &protocol::Topic<'_>,
        from: &From<'_>,
    ) -> Option<Preparing> {
        let Phase::SetUp(client) = &self.phase else { return None };
        let is_refused = self.subscriptions.get(topic).is_none()
            && self.check_subscription(topic, client).is_err();
        if is_refused {
            return None;
        }
        let owner = Owner::User(client.user.as_str());
        self.gateway.sequencer.prepare(topic, owner, from.position())
    }

    fn join_now(&mut self, subscribe: &Subscribe<'_>, prepared: Result<Prepared, Unavailable>) {
        let from = subscribe.position().map_or(From::Now, From::Client);
        self.join(&subscribe.topic, from, subscribe.last, prepared);
    }

    /// Whether the client may have one more subscription, to this topic.
    fn check_subscription(
        &self,
        topic: &protocol::Topic<'_>,
        client: &Client,
    ) -> Result<(), (ErrorCode, String)> {
        let limit = self.gateway.config().limits.max_subscriptions;
        if !client.rights.may_subscribe(topic) {
            let text = "the token does not cover a subscription to this topic".to_owned();
            Err((ErrorCode::Forbidden, text))
        } else if self.subscriptions.len() >= limit {
            let text = format!(
                "a connection may have {limit} subscriptions: unsubscribe from something, or open \
                 another one"
            );
            Err((ErrorCode::TooManySubscriptions, text))
        } else {
            Ok(())
        }
    }

    /// Subscribes, or moves the subscription that there is, and answers. The connection is held
    /// meanwhile, so that no message comes between what the answer says and the answer.
    pub(super) fn join(
        &mut self,
        name: &protocol::Topic<'_>,
        from: From<'_>,
        last: Option<Newest>,
        prepared: Result<Prepared, Unavailable>,
    ) {
        let Phase::SetUp(client) = &self.phase else { return };
        let connection = self.connection.clone();
        let mut held = connection.hold();
        let page = prepared.as_ref().map(|prepared| prepared.page.as_deref());
        let start = Begin { from: &from, last, page: page.unwrap_or_default() };
        let joined = if let Err(why) = &prepared {
            Err((ErrorCode::BackboneUnavailable, why.to_string()))
        } else if self.subscriptions.get(name).is_some() {
            self.subscriptions
                .move_to(name, start, &client.session)
                .map_err(|why| (why.code(), why.to_string()))
        } else if let Err(refused) = self.check_subscription(name, client) {
            Err(refused)
        } else {
            self.subscriptions
                .join(name, start, &client.user, &client.session, &mut self.last_topic)
                .map_err(|why| (why.code(), why.to_string()))
        };
        match joined {
            Ok(answer) => {
                put(&mut self.turn.answers, &answer.frame(name));
                held.put(std::mem::take(&mut self.turn.answers));
            }
            Err((code, text)) => {
                // If only the backbone is away, the session may still have it.
                if code != ErrorCode::BackboneUnavailable {
                    client.session.remove(&name.clone().into_owned());
                }
                drop(held);
                self.fail(Failure { topic: Some(name.as_str().into()), ..failure(code, text) });
            }
        }
    }
}

/// Whether the topic may have to be prepared again: it was ready, and may not be so any more.
pub(super) fn is_stale(prepared: &Result<Prepared, Unavailable>) -> bool {
    prepared.as_ref().is_ok_and(|prepared| prepared.is_attached && prepared.page.is_none())
}
