//! What the gateway sends. Reading ([`ServerFrame::parse`]) is for clients and the page; unknown fields are ignored.

use crate::{Epoch, ErrorCode, MessageId, Payload, SeqNo, Topic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A frame from the gateway to a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame<'a> {
    /// See [`Subscribed`].
    Subscribed(Subscribed<'a>),
    /// See [`Unsubscribed`].
    Unsubscribed(Unsubscribed<'a>),
    /// See [`Ready`].
    Ready(Ready<'a>),
    /// See [`Message`].
    Message(Message<'a>),
    /// See [`Ack`].
    Ack(Ack<'a>),
    /// See [`Failure`].
    Error(Failure<'a>),
    /// Answers `ping`.
    Pong,
}

impl<'a> ServerFrame<'a> {
    /// The values of `type`, in the order in which a newcomer meets them.
    pub const KINDS: [&'static str; 7] = ["ready", "subscribed", "unsubscribed", "message", "ack", "error", "pong"];

    /// The value of `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Subscribed(_) => "subscribed",
            Self::Unsubscribed(_) => "unsubscribed",
            Self::Ready(_) => "ready",
            Self::Message(_) => "message",
            Self::Ack(_) => "ack",
            Self::Error(_) => "error",
            Self::Pong => "pong",
        }
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// Where `text` is not JSON, has no `type` known here, or lacks a field. A client should pass over such a frame: a newer
    /// gateway may send kinds that it does not know.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind<'k> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'k, str>,
        }
        let Kind { kind } = serde_json::from_str(text)?;
        Ok(match &*kind {
            "subscribed" => Self::Subscribed(serde_json::from_str(text)?),
            "unsubscribed" => Self::Unsubscribed(serde_json::from_str(text)?),
            "ready" => Self::Ready(serde_json::from_str(text)?),
            "message" => Self::Message(serde_json::from_str(text)?),
            "ack" => Self::Ack(serde_json::from_str(text)?),
            "error" => Self::Error(serde_json::from_str(text)?),
            "pong" => Self::Pong,
            other => return Err(serde::de::Error::unknown_variant(other, &Self::KINDS)),
        })
    }
}

/// A subscription stands: after `subscribe`, for each topic of a `setup`, or unasked where continuity has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// A position with no message of the topic above it at that moment; 0: nothing yet.
    pub seq_no: SeqNo,
    /// The present life of the topic's numbering.
    pub epoch: Epoch<'a>,
    /// Only where a position was given: whether it is proved that nothing was missed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<bool>,
}

impl<'a> Subscribed<'a> {
    /// The topic stands at `head` of `epoch`; beyond [`SeqNo::MAX`], which no topic reaches, at 0.
    #[must_use]
    pub fn at(topic: &'a Topic<'_>, head: u64, epoch: &'a Epoch<'_>, recovered: Option<bool>) -> Self {
        Self { topic: topic.reborrow(), seq_no: SeqNo::new(head).unwrap_or_default(), epoch: epoch.reborrow(), recovered }
    }
}

/// A subscription has ended. No `message` of the topic comes after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unsubscribed<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// Why, where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

/// The setup is done. No `message` comes before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready<'a> {
    /// The session's name, a secret like the token.
    pub session_id: Cow<'a, str>,
    /// Only where `setup` carried a `sessionId`: whether that session goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// What a client need not guess.
    pub limits: Limits,
}

/// The limits that a client has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest frame that the gateway takes, in bytes.
    pub max_frame: u64,
    /// How long a session outlives its connection, in milliseconds; 0: not at all.
    pub session_ttl_ms: u64,
    /// How long a message id is remembered, in milliseconds.
    pub dedup_window_ms: u64,
    /// The time between two WebSocket pings of the gateway, in milliseconds.
    pub ping_ms: u64,
}

/// A message of a topic that is subscribed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// Its place in the topic's order, the same for every subscriber.
    pub seq_no: SeqNo,
    /// The publisher's name for it.
    pub message_id: MessageId<'a>,
    /// The published payload, byte for byte.
    #[serde(borrow)]
    pub data: Payload<'a>,
    /// No message of the topic lies between this number and `seqNo`. Left out, it is `seqNo - 1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_seq_no: Option<SeqNo>,
    /// The signature, where the gateway signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sig: Option<Cow<'a, str>>,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ack<'a> {
    /// The published message's id.
    pub message_id: MessageId<'a>,
    /// Stored now, or a repeat.
    pub status: AckStatus,
    /// The topic: for a duplicate the first publish's.
    pub topic: Topic<'a>,
    /// The number: for a duplicate the first publish's.
    pub seq_no: SeqNo,
}

/// Whether a publish was the first of its message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AckStatus {
    /// Stored and numbered now.
    Ok,
    /// A repeat within the window: it was not delivered again.
    Duplicate,
}

impl AckStatus {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Something was refused. None ends the connection by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure<'a> {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// For people: what was wrong and what to do.
    pub message: Cow<'a, str>,
    /// The topic of the frame that this answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Cow<'a, str>>,
    /// The message id of the frame that this answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    /// When to try again, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}
