//! From the text of a frame to a [`ClientFrame`], or to a [`Rejected`] that can be answered.
//!
//! One pass over the text takes the envelope apart and leaves each value as the bytes that it came as; then only the fields of
//! the frame's kind are read. So unknown fields cost nothing and are ignored, a field that another kind would use is one of
//! them, and the payload is never decoded. Borrows from the text wherever it has no escapes.

use crate::{
    Epoch, ErrorCode, Invalid, MessageId, Newest, Payload, SeqNo, Topic,
    client::{ClientFrame, Publish, Receipt, Setup, Subscribe, Unsubscribe},
    server::Failure,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// Why a frame was not understood, and what it was about as far as that could be read: what an `error` frame needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected<'a> {
    /// [`ErrorCode::InvalidJson`], [`ErrorCode::InvalidMessage`], [`ErrorCode::UnknownType`] or [`ErrorCode::InvalidTopic`].
    pub code: ErrorCode,
    /// For people: which field, and what it has to be.
    pub message: Cow<'static, str>,
    /// The frame's topic, valid or not.
    pub topic: Option<Cow<'a, str>>,
    /// The frame's message id, valid or not.
    pub message_id: Option<Cow<'a, str>>,
}

impl<'a> Rejected<'a> {
    fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), topic: None, message_id: None }
    }
}

impl<'a> From<Rejected<'a>> for Failure<'a> {
    fn from(rejected: Rejected<'a>) -> Self {
        let Rejected { code, message, topic, message_id } = rejected;
        Self { code, message, topic, message_id, retry_after_ms: None }
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads one frame.
    ///
    /// # Errors
    /// [`Rejected`] is the answer to give.
    pub fn parse(text: &'a str) -> Result<Self, Rejected<'a>> {
        let envelope = Envelope::parse(text)?;
        envelope.read().map_err(|rejected| Rejected {
            topic: envelope.topic.and_then(|raw| string(raw).ok()),
            message_id: envelope.message_id.and_then(|raw| string(raw).ok()),
            ..rejected
        })
    }
}

/// The fields of all kinds as they came. `None`: not there.
#[derive(Default)]
struct Envelope<'a> {
    kind: Option<&'a RawValue>,
    topic: Option<&'a RawValue>,
    message_id: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
    token: Option<&'a RawValue>,
    topics: Option<&'a RawValue>,
    session_id: Option<&'a RawValue>,
    last_seq: Option<&'a RawValue>,
    epoch: Option<&'a RawValue>,
    last: Option<&'a RawValue>,
    seq_no: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    fn parse(text: &'a str) -> Result<Self, Rejected<'a>> {
        serde_json::from_str(text).map_err(|error| {
            // A shape error is found before the rest was read, which may not be JSON at all.
            let not_json = if error.is_data() { serde_json::from_str::<IgnoredAny>(text).err() } else { Some(error) };
            match not_json {
                Some(error) => Rejected::new(ErrorCode::InvalidJson, format!("the frame is not JSON: {error}")),
                None => Rejected::new(ErrorCode::InvalidMessage, shape(text)),
            }
        })
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match key {
            "type" => &mut self.kind,
            "topic" => &mut self.topic,
            "messageId" => &mut self.message_id,
            "payload" => &mut self.payload,
            "token" => &mut self.token,
            "topics" => &mut self.topics,
            "sessionId" => &mut self.session_id,
            "lastSeq" => &mut self.last_seq,
            "epoch" => &mut self.epoch,
            "last" => &mut self.last,
            "seqNo" => &mut self.seq_no,
            _ => return None,
        })
    }

    fn read(&self) -> Result<ClientFrame<'a>, Rejected<'a>> {
        let kind = required("type", self.kind, string)?;
        Ok(match &*kind {
            "publish" => ClientFrame::Publish(Publish {
                topic: self.topic()?,
                message_id: required("messageId", self.message_id, |raw| Ok(MessageId::new(string(raw)?)?))?,
                payload: match self.payload {
                    Some(raw) => raw.into(),
                    None => Payload::null(),
                },
            }),
            "subscribe" => ClientFrame::Subscribe(Subscribe {
                topic: self.topic()?,
                last_seq: optional("lastSeq", self.last_seq, seq_no)?,
                epoch: optional("epoch", self.epoch, epoch)?,
                last: optional("last", self.last, newest)?,
            }),
            "unsubscribe" => ClientFrame::Unsubscribe(Unsubscribe { topic: self.topic()? }),
            "ack" => ClientFrame::Ack(Receipt {
                topic: self.topic()?,
                seq_no: required("seqNo", self.seq_no, seq_no)?,
                epoch: optional("epoch", self.epoch, epoch)?,
            }),
            "ping" => ClientFrame::Ping,
            "setup" => ClientFrame::Setup(Setup {
                token: required("token", self.token, string)?,
                topics: optional("topics", self.topics, strings)?.unwrap_or_default(),
                session_id: optional("sessionId", self.session_id, string)?,
                last_seq: optional("lastSeq", self.last_seq, |raw| by_topic(raw, seq_no))?.unwrap_or_default(),
                epoch: optional("epoch", self.epoch, |raw| by_topic(raw, epoch))?.unwrap_or_default(),
                last: optional("last", self.last, |raw| by_topic(raw, newest))?.unwrap_or_default(),
            }),
            other => return Err(Rejected::new(ErrorCode::UnknownType, unknown_type(other))),
        })
    }

    fn topic(&self) -> Result<Topic<'a>, Rejected<'a>> {
        let text = required("topic", self.topic, string)?;
        Topic::new(text).map_err(|why| Rejected::new(ErrorCode::InvalidTopic, format!("topic {why}")))
    }
}

/// Why `text`, which is JSON, is not an envelope.
fn shape(text: &str) -> String {
    match serde_json::from_str::<Envelope<'_>>(text) {
        Err(error) if text.trim_start().starts_with('{') => error.to_string(),
        _ => "the frame must be a JSON object".into(),
    }
}

fn unknown_type(found: &str) -> String {
    let short: String = found.chars().take(64).collect();
    format!("unknown type {short:?}: one of {}", ClientFrame::KINDS.join(", "))
}

/// What is wrong with one field's value.
struct Wrong(Cow<'static, str>);

impl From<Invalid> for Wrong {
    fn from(why: Invalid) -> Self {
        Self(why.to_string().into())
    }
}

fn required<'a, T>(name: &str, raw: Option<&'a RawValue>, read: impl FnOnce(&'a RawValue) -> Result<T, Wrong>) -> Result<T, Rejected<'a>> {
    match raw {
        Some(raw) => read(raw).map_err(|Wrong(why)| Rejected::new(ErrorCode::InvalidMessage, format!("{name} {why}"))),
        None => Err(Rejected::new(ErrorCode::InvalidMessage, format!("{name} is missing"))),
    }
}

/// `null` is the same as not there.
fn optional<'a, T>(
    name: &str,
    raw: Option<&'a RawValue>,
    read: impl FnOnce(&'a RawValue) -> Result<T, Wrong>,
) -> Result<Option<T>, Rejected<'a>> {
    match raw.filter(|raw| raw.get() != "null") {
        Some(raw) => required(name, Some(raw), read).map(Some),
        None => Ok(None),
    }
}

fn string(raw: &RawValue) -> Result<Cow<'_, str>, Wrong> {
    let text = raw.get();
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(text).map(Cow::Owned).map_err(|_| Wrong("must be text of whole Unicode characters".into())),
        None => Err(Wrong("must be text".into())),
    }
}

fn strings(raw: &RawValue) -> Result<Vec<Cow<'_, str>>, Wrong> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| Wrong("must be a list of texts".into()))?;
    items.into_iter().map(|item| string(item).map_err(|_| Wrong("must be a list of texts".into()))).collect()
}

fn seq_no(raw: &RawValue) -> Result<SeqNo, Wrong> {
    serde_json::from_str(raw.get()).map_err(|_| Invalid::NotASequenceNumber.into())
}

fn newest(raw: &RawValue) -> Result<Newest, Wrong> {
    serde_json::from_str(raw.get()).map_err(|_| Invalid::NotACount.into())
}

fn epoch(raw: &RawValue) -> Result<Epoch<'_>, Wrong> {
    Ok(Epoch::new(string(raw)?)?)
}

fn by_topic<'a, T>(raw: &'a RawValue, read: impl Fn(&'a RawValue) -> Result<T, Wrong>) -> Result<BTreeMap<Cow<'a, str>, T>, Wrong> {
    let Unique(entries) = serde_json::from_str(raw.get()).map_err(|_| Wrong("must be an object with each topic once".into()))?;
    // One by one: collecting would sort once more what is in order, by code of its own for each type.
    let mut found = BTreeMap::new();
    for (topic, raw) in entries {
        found.insert(topic, read(raw)?);
    }
    Ok(found)
}

/// An object in which no key stands twice.
struct Unique<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Unique<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Unique<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(Key(key)) = map.next_key()? {
                    if entries.insert(key, map.next_value()?).is_some() {
                        return Err(A::Error::custom("a key stands twice"));
                    }
                }
                Ok(Unique(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                let mut unknown = BTreeMap::<_, &RawValue>::new();
                while let Some(Key(key)) = map.next_key()? {
                    let repeated = match envelope.slot(&key) {
                        Some(slot) => slot.replace(map.next_value()?).is_some(),
                        None => unknown.insert(key.clone(), map.next_value()?).is_some(),
                    };
                    if repeated {
                        let short: String = key.chars().take(64).collect();
                        return Err(A::Error::custom(format_args!("the field {short:?} stands twice")));
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// An object's key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
