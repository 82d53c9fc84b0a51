//! What the gateway sends. Reading ([`ServerFrame::parse`]) is for clients and the page; unknown
//! fields are ignored.

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
    /// The values of `type`, in the order in which a newcomer meets them.
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
    /// Where `text` is not JSON, has no `type` known here, or lacks a field. A client should pass
    /// over such a frame: a newer gateway may send kinds that it does not know.
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

/// The fields of an object, each as it came. Read one by one instead of by a derived reader for
/// each kind of frame: those are several times as much code, which every visitor of the page would
/// load. Of a repeated field the last one counts: a gateway repeats none.
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

    /// `None`: it is not there, or `null`.
    fn optional<T: Deserialize<'a>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, serde_json::Error> {
        if self.0.contains_key(name) { self.required(name) } else { Ok(None) }
    }
}

/// A subscription stands: after `subscribe`, for each topic of a `setup`, or unasked where
/// continuity has ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
    /// Only where a position or `last` was given: the topic's next message is the first one above
    /// this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<SeqNo>,
}

impl<'a> Subscribed<'a> {
    /// The topic stands at `head` of `epoch`; beyond [`SeqNo::MAX`], which no topic reaches, at 0.
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

/// A subscription has ended. No `message` of the topic comes after it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unsubscribed<'a> {
    /// The topic.
    pub topic: Topic<'a>,
    /// Why, where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

/// The setup is done. No `message` comes before it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready<'a> {
    /// The session's name, a secret like the token.
    pub session_id: Cow<'a, str>,
    /// Only where `setup` carried a `sessionId`: whether that session goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// What a client need not guess.
    pub limits: Limits,
    /// In how many milliseconds the gateway ends the connection because the token has expired;
    /// left out if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// The limits that a client has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest frame that the gateway takes, in bytes.
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
    /// Its place in the topic's order, the same for every subscriber.
    pub seq_no: SeqNo,
    /// The publisher's name for it.
    pub message_id: MessageId<'a>,
    /// The published payload, byte for byte.
    pub data: Payload<'a>,
    /// No message of the topic lies between this number and `seqNo`. Left out, it is `seqNo - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_seq_no: Option<SeqNo>,
    /// The signature, where the gateway signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig: Option<Cow<'a, str>>,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
