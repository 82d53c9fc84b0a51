//! The frames that a client may send. [`crate::parse`] reads them; serde writes them.

use crate::{Epoch, MessageId, Newest, Payload, SeqNo, Topic};
use schemars::JsonSchema;
use serde::Serialize;
use std::{borrow::Cow, collections::BTreeMap};

/// A frame from a client to the gateway.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame<'a> {
    /// See [`Setup`].
    Setup(Setup<'a>),
    /// See [`Subscribe`].
    Subscribe(Subscribe<'a>),
    /// See [`Unsubscribe`].
    Unsubscribe(Unsubscribe<'a>),
    /// See [`Publish`].
    Publish(Publish<'a>),
    /// See [`Receipt`].
    Ack(Receipt<'a>),
    /// Answered by `pong`. For browsers, which cannot send WebSocket pings.
    Ping,
}

impl ClientFrame<'_> {
    /// The values of `type`, in the order in which the documentation shows them.
    pub const KINDS: [&'static str; 6] =
        ["setup", "subscribe", "unsubscribe", "publish", "ack", "ping"];

    /// The value of `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Setup(_) => "setup",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Publish(_) => "publish",
            Self::Ack(_) => "ack",
            Self::Ping => "ping",
        }
    }
}

/// The schema of a map: `null` counts as left out, the map and each value in it.
type ByTopic<T> = Option<BTreeMap<String, Option<T>>>;

/// Authenticates the connection and subscribes to `topics`. Must be the first frame.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setup<'a> {
    /// Identifies the user. In demo mode the token itself becomes the user id.
    pub token: Cow<'a, str>,
    /// Topics to subscribe to at once. A topic that is refused gets its own `error`; the others are
    /// subscribed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<Vec<String>>")]
    pub topics: Vec<Cow<'a, str>>,
    /// The session to resume, from an earlier `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Cow<'a, str>>,
    /// For each topic, the number of the last message that the client handled.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "ByTopic<SeqNo>")]
    pub last_seq: BTreeMap<Cow<'a, str>, SeqNo>,
    /// For each topic, the epoch to which that number belongs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "ByTopic<Epoch<'_>>")]
    pub epoch: BTreeMap<Cow<'a, str>, Epoch<'a>>,
    /// For each topic, how many of the newest messages to replay if neither `lastSeq` nor the
    /// session gives a position, or if the position gives `recovered: false`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "ByTopic<Newest>")]
    pub last: BTreeMap<Cow<'a, str>, Newest>,
}

/// Subscribes to a topic. Idempotent; with `lastSeq` it moves a running subscription to that
/// position.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The number of the last message that the client handled. In the answer, `recovered` says
    /// whether messages after it were missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<SeqNo>,
    /// The epoch to which `lastSeq` belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch<'a>>,
    /// How many of the newest messages to replay if there is no `lastSeq`, or if it gives
    /// `recovered: false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Newest>,
}

/// Ends the subscription to a topic. Idempotent: answered even if there was no subscription.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unsubscribe<'a> {
    /// The topic.
    pub topic: Topic<'a>,
}

/// Publishes to a topic. No subscription to it is needed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publish<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The publisher's name for the message. If the same user publishes the same id again, the
    /// message is not delivered again.
    pub message_id: MessageId<'a>,
    /// Any JSON value, also `null`. Subscribers receive it byte for byte, as `data`.
    pub payload: Payload<'a>,
}

/// Says that the client has handled every message up to a number. Optional, cumulative, not
/// answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The highest number that the client has handled.
    pub seq_no: SeqNo,
    /// The epoch to which it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch<'a>>,
}

/// A reader's position in a topic: the number of the last message that it handled, and the epoch
/// that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// The number of the last message that was handled.
    pub last_seq: SeqNo,
    /// The epoch of the number, if the client knows it.
    pub epoch: Option<&'a str>,
}

impl Subscribe<'_> {
    /// The position that the client gave.
    #[must_use]
    pub fn position(&self) -> Option<Position<'_>> {
        self.last_seq
            .map(|last_seq| Position { last_seq, epoch: self.epoch.as_ref().map(Epoch::as_str) })
    }

    /// The same frame, owning its texts.
    #[must_use]
    pub fn into_owned(self) -> Subscribe<'static> {
        Subscribe {
            topic: self.topic.into_owned(),
            last_seq: self.last_seq,
            epoch: self.epoch.map(Epoch::into_owned),
            last: self.last,
        }
    }
}

impl Setup<'_> {
    /// The same frame, owning its texts.
    #[must_use]
    pub fn into_owned(self) -> Setup<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Setup {
            token: owned(self.token),
            topics: self.topics.into_iter().map(owned).collect(),
            session_id: self.session_id.map(owned),
            last_seq: self.last_seq.into_iter().map(|(topic, seq)| (owned(topic), seq)).collect(),
            epoch: self
                .epoch
                .into_iter()
                .map(|(topic, epoch)| (owned(topic), epoch.into_owned()))
                .collect(),
            last: self.last.into_iter().map(|(topic, newest)| (owned(topic), newest)).collect(),
        }
    }

    /// The position that the client gave for `topic`.
    #[must_use]
    pub fn position(&self, topic: &str) -> Option<Position<'_>> {
        let last_seq = *self.last_seq.get(topic)?;
        Some(Position { last_seq, epoch: self.epoch.get(topic).map(Epoch::as_str) })
    }
}
