//! The frames that the gateway sends. [`ServerFrame::parse`] is for clients and the page; it
//! ignores unknown fields.

use crate::{Epoch, ErrorCode, MessageId, Payload, SeqNo, Topic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

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
    /// The values of `type`, in the order in which the documentation shows them.
    pub const KINDS: [&'static str; 7] =
        ["ready", "subscribed", "unsubscribed", "message", "ack", "error", "pong"];

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
    /// If `text` is not JSON, has an unknown `type`, or lacks a field. A client should skip such a
    /// frame: a newer gateway may send kinds that the client does not know.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let fields = Fields::of(text)?;
        let kind: Cow<'_, str> = fields.required("type")?;
        Ok(match &*kind {
            "subscribed" => Self::Subscribed(Subscribed {
                topic: fields.required("topic")?,
                seq_no: fields.required("seqNo")?,
                epoch: fields.required("epoch")?,
                recovered: fields.optional("recovered")?,
                after: fields.optional("after")?,
            }),
            "unsubscribed" => Self::Unsubscribed(Unsubscribed {
                topic: fields.required("topic")?,
                code: fields.optional("code")?,
            }),
            "ready" => Self::Ready(Ready {
                session_id: fields.required("sessionId")?,
                resumed: fields.optional("resumed")?,
                limits: Limits::of(&Fields::of(fields.raw("limits")?)?)?,
                expires_in_ms: fields.optional("expiresInMs")?,
            }),
            "message" => Self::Message(Message {
                topic: fields.required("topic")?,
                seq_no: fields.required("seqNo")?,
                message_id: fields.required("messageId")?,
                data: fields.required("data")?,
                prev_seq_no: fields.optional("prevSeqNo")?,
                sig: fields.optional("sig")?,
            }),
            "ack" => Self::Ack(Ack {
                message_id: fields.required("messageId")?,
                status: fields.required("status")?,
                topic: fields.required("topic")?,
                seq_no: fields.required("seqNo")?,
            }),
            "error" => Self::Error(Failure {
                code: fields.required("code")?,
                message: fields.required("message")?,
                topic: fields.optional("topic")?,
                message_id: fields.optional("messageId")?,
                retry_after_ms: fields.optional("retryAfterMs")?,
            }),
            "pong" => Self::Pong,
            other => return Err(serde::de::Error::unknown_variant(other, &Self::KINDS)),
        })
    }
}

/// The fields of an object, each as the JSON that was received. They are read one by one because a
/// derived reader for each kind of frame is several times as much code, which every visitor of the
/// page would load. The last one of a repeated field counts; a gateway repeats no field.
struct Fields<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    fn raw(&self, name: &'static str) -> Result<&'a str, serde_json::Error> {
        self.0.get(name).map(|raw| raw.get()).ok_or_else(|| serde::de::Error::missing_field(name))
    }

    fn required<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.raw(name)?)
    }

    /// `None` if the field is missing or `null`.
    fn optional<T: Deserialize<'a>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, serde_json::Error> {
        if self.0.contains_key(name) { self.required(name) } else { Ok(None) }
    }
}

/// The subscription is active. Answers `subscribe` and each topic of a `setup`; sent unasked if
/// messages were lost.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// A position with no message of the topic above it when the frame was made; 0: there is no
    /// message yet.
    pub seq_no: SeqNo,
    /// The current epoch of the topic's numbering.
    pub epoch: Epoch<'a>,
    /// Given only if the client or its session named a position: whether it is proved that no
    /// message after it was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<bool>,
    /// Given only if a position or `last` was named: the topic's next message is the first one
    /// above this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<SeqNo>,
}

impl<'a> Subscribed<'a> {
    /// The answer for a topic whose head is `head` in `epoch`. Above [`SeqNo::MAX`], which no topic
    /// reaches, the head is sent as 0.
    #[must_use]
    pub fn at(
        topic: &'a Topic<'_>,
        head: u64,
        epoch: &'a Epoch<'_>,
        recovered: Option<bool>,
    ) -> Self {
        Self {
            topic: topic.reborrow(),
            seq_no: SeqNo::new(head).unwrap_or_default(),
            epoch: epoch.reborrow(),
            recovered,
            after: None,
        }
    }
}

/// The subscription has ended. No `message` of the topic comes after it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unsubscribed<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// The reason, if the client did not ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

/// The setup is done. No `message` comes before it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready<'a> {
    /// The session's name, a secret like the token.
    pub session_id: Cow<'a, str>,
    /// Given only if `setup` had a `sessionId`: whether that session goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// The limits that a client would otherwise have to guess.
    pub limits: Limits,
    /// Milliseconds until the gateway ends the connection because the token has expired; left out
    /// if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// The limits that a client has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest frame that the gateway accepts, in bytes.
    pub max_frame: u64,
    /// How many topics a connection may be subscribed to.
    pub max_subscriptions: u64,
    /// How long a session outlives its connection, in milliseconds; 0: not at all.
    pub session_ttl_ms: u64,
    /// How long a message id is remembered, in milliseconds.
    pub dedup_window_ms: u64,
    /// The time between two WebSocket pings of the gateway, in milliseconds.
    pub ping_ms: u64,
}

/// A message of a topic that is subscribed to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// Its number in the topic's order, the same for every subscriber.
    pub seq_no: SeqNo,
    /// The publisher's name for it.
    pub message_id: MessageId<'a>,
    /// The published payload, byte for byte.
    pub data: Payload<'a>,
    /// No message of the topic lies between this number and `seqNo`. If it is left out, it is
    /// `seqNo - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_seq_no: Option<SeqNo>,
    /// The signature, if the gateway signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig: Option<Cow<'a, str>>,
}

/// The outcome of a publish.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ack<'a> {
    /// The published message's id.
    pub message_id: MessageId<'a>,
    /// Whether the message was stored now, or is a repeat.
    pub status: AckStatus,
    /// The topic; for a duplicate, the first publish's.
    pub topic: Topic<'a>,
    /// The number; for a duplicate, the first publish's.
    pub seq_no: SeqNo,
}

/// Whether a publish was the first of its message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AckStatus {
    /// The message was stored and numbered now.
    Ok,
    /// The message id was published before, within the window. The message was not delivered again.
    Duplicate,
}

impl AckStatus {
    /// The status as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A request was refused. An `error` does not end the connection by itself.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure<'a> {
    /// The reason as a code. Stable, for programs.
    pub code: ErrorCode,
    /// The reason and the remedy in a sentence, for people.
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

impl Limits {
    fn of(fields: &Fields<'_>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            max_frame: fields.required("maxFrame")?,
            max_subscriptions: fields.required("maxSubscriptions")?,
            session_ttl_ms: fields.required("sessionTtlMs")?,
            dedup_window_ms: fields.required("dedupWindowMs")?,
            ping_ms: fields.required("pingMs")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            r#"{"type":"subscribed","topic":"t","seqNo":3,"epoch":"e"}"#,
            r#"{"type":"subscribed","topic":"t","seqNo":3,"epoch":"e","recovered":false}"#,
            r#"{"type":"subscribed","topic":"t","seqNo":3,"epoch":"e","recovered":true,"after":2}"#,
            r#"{"type":"unsubscribed","topic":"t","code":"FORBIDDEN"}"#,
            r#"{"type":"ready","sessionId":"s","resumed":true,"limits":{"maxFrame":1,"maxSubscriptions":5,"sessionTtlMs":2,"dedupWindowMs":3,"pingMs":4},"expiresInMs":6}"#,
            r#"{"type":"message","topic":"t","seqNo":3,"messageId":"m","data":[ 1.0 ],"prevSeqNo":1,"sig":"x"}"#,
            r#"{"type":"message","topic":"t","seqNo":3,"messageId":"m","data":null}"#,
            r#"{"type":"ack","messageId":"m","status":"duplicate","topic":"t","seqNo":3}"#,
            r#"{"type":"error","code":"INVALID_TOPIC","message":"no","topic":"","messageId":"m","retryAfterMs":9}"#,
            r#"{"type":"pong"}"#,
        ] {
            assert_eq!(serde_json::to_string(&ServerFrame::parse(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn fields_that_are_not_known_do_not_matter_and_those_that_are_do() {
        let read = |text| ServerFrame::parse(text).map(|frame| frame.kind());
        assert_eq!(
            read(r#"{"limits":"of another kind","type":"unsubscribed","new":{},"topic":"t\u0041","code":null}"#).unwrap(),
            "unsubscribed"
        );
        for text in [
            "",
            "[]",
            r#"{"topic":"t"}"#,
            r#"{"type":"shout"}"#,
            r#"{"type":"unsubscribed"}"#,
            r#"{"type":"unsubscribed","topic":""}"#,
            r#"{"type":"unsubscribed","topic":"t","code":"NEVER_HEARD"}"#,
            r#"{"type":"ack","messageId":"m","status":"ok","topic":"t","seqNo":-1}"#,
            r#"{"type":"message","topic":"t","seqNo":3,"messageId":"m"}"#,
            r#"{"type":"ready","sessionId":"s","limits":{"maxFrame":1}}"#,
        ] {
            assert!(ServerFrame::parse(text).is_err(), "{text}");
        }
    }
}
