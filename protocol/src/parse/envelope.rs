//! Splits a frame of any kind into its fields.

use super::{
    Rejected,
    fields::{self, Wrong},
};
use crate::{
    ErrorCode, MessageId, Payload, Topic,
    json::{Members, NotJson, Value},
};
use std::borrow::Cow;

/// The fields of all kinds of frames. `None`: the frame does not have the field.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) kind: Option<Value<'a>>,
    pub(super) topic: Option<Value<'a>>,
    pub(super) message_id: Option<Value<'a>>,
    pub(super) payload: Option<Value<'a>>,
    pub(super) token: Option<Value<'a>>,
    pub(super) topics: Option<Value<'a>>,
    pub(super) session_id: Option<Value<'a>>,
    pub(super) last_seq: Option<Value<'a>>,
    pub(super) epoch: Option<Value<'a>>,
    pub(super) last: Option<Value<'a>>,
    pub(super) seq_no: Option<Value<'a>>,
    pub(super) user_id: Option<Value<'a>>,
    /// The names of all other fields.
    unknown: Vec<Cow<'a, [u8]>>,
    /// The first field that occurs twice.
    repeated: Option<Cow<'a, [u8]>>,
}

impl<'a> Envelope<'a> {
    /// Splits `text` into its fields. Checks only that the values are JSON.
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejected<'a>> {
        let Some(mut members) = Members::of(text) else { return Err(no_object(text)) };
        let mut envelope = Self::default();
        while let Some((key, value)) = members.advance().map_err(|why| not_json(&why))? {
            let key = key.bytes();
            match envelope.slot(&key) {
                Some(slot) if slot.is_none() => *slot = Some(value),
                Some(_) => envelope.repeated = Some(key),
                None => envelope.unknown.push(key),
            }
        }
        envelope.repeated =
            envelope.repeated.take().or_else(|| fields::repeated(&mut envelope.unknown));
        Ok(envelope)
    }

    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<Value<'a>>> {
        Some(match key {
            b"type" => &mut self.kind,
            b"topic" => &mut self.topic,
            b"messageId" => &mut self.message_id,
            b"payload" => &mut self.payload,
            b"token" => &mut self.token,
            b"topics" => &mut self.topics,
            b"sessionId" => &mut self.session_id,
            b"lastSeq" => &mut self.last_seq,
            b"epoch" => &mut self.epoch,
            b"last" => &mut self.last,
            b"seqNo" => &mut self.seq_no,
            b"userId" => &mut self.user_id,
            _ => return None,
        })
    }

    /// Calls `read` with the fields. A rejection gets the frame's topic and message id.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, Rejected<'a>>,
    ) -> Result<T, Rejected<'a>> {
        let once = match &self.repeated {
            None => read(self),
            Some(name) => Err(invalid(format!("the field {} occurs twice", shown(name)))),
        };
        once.map_err(|rejected| Rejected {
            topic: self.topic.and_then(|value| fields::string(value).ok()),
            message_id: self.message_id.and_then(|value| fields::string(value).ok()),
            ..rejected
        })
    }

    pub(super) fn topic(&self) -> Result<Topic<'a>, Rejected<'a>> {
        let text = self.required("topic", self.topic, fields::string)?;
        Topic::new(text)
            .map_err(|why| Rejected::new(ErrorCode::InvalidTopic, format!("topic {why}")))
    }

    pub(super) fn message_id(&self) -> Result<MessageId<'a>, Rejected<'a>> {
        self.required("messageId", self.message_id, fields::message_id)
    }

    pub(super) fn optional_message_id(&self) -> Result<Option<MessageId<'a>>, Rejected<'a>> {
        self.optional("messageId", self.message_id, fields::message_id)
    }

    /// Unlike in other fields, `null` is a value here.
    pub(super) fn payload(&self, max_depth: usize) -> Result<Payload<'a>, Rejected<'a>> {
        let value = self.payload.ok_or_else(|| self.missing("payload"))?;
        if max_depth > 0 && value.depth > max_depth {
            let depth = value.depth;
            return Err(invalid(format!(
                "payload must have at most {max_depth} levels of nesting (limits.max_depth), found {depth}"
            )));
        }
        Ok(value.into())
    }

    pub(super) fn required<T>(
        &self,
        name: &'static str,
        value: Option<Value<'a>>,
        read: impl FnOnce(Value<'a>) -> Result<T, Wrong>,
    ) -> Result<T, Rejected<'a>> {
        let value = value.ok_or_else(|| self.missing(name))?;
        read(value).map_err(|Wrong(why)| invalid(format!("{name} {why}")))
    }

    /// The field's value; `null` counts as left out.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        value: Option<Value<'a>>,
        read: impl FnOnce(Value<'a>) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Rejected<'a>> {
        match value.filter(|value| value.text != "null") {
            Some(value) => self.required(name, Some(value), read).map(Some),
            None => Ok(None),
        }
    }

    /// The rejection of a frame without the field `name`. It names the unknown field that was
    /// probably meant.
    fn missing(&self, name: &'static str) -> Rejected<'a> {
        let hint = meant(name, &self.unknown)
            .map(|meant| format!(": the field {} is unknown and was ignored", shown(meant)));
        invalid(format!("{name} is missing{}", hint.unwrap_or_default()))
    }
}

/// The field of `unknown` that was probably meant by `name`.
fn meant<'u>(name: &'static str, unknown: &'u [Cow<'_, [u8]>]) -> Option<&'u [u8]> {
    /// Comparing two names takes time by the product of their lengths.
    const MOST: usize = 100;
    /// The name of the payload in the gateway's own messages.
    const RECEIVED_AS: &[u8] = b"data";
    if name == "payload" && unknown.iter().any(|other| **other == *RECEIVED_AS) {
        return Some(RECEIVED_AS);
    }
    let candidates = unknown.iter().take(MOST).filter(|other| other.len() <= MOST);
    let distance =
        |other: &[u8]| strsim::levenshtein(name, &String::from_utf8_lossy(other).to_lowercase());
    candidates.map(AsRef::as_ref).min_by_key(|other| distance(other))
}

fn no_object(text: &str) -> Rejected<'_> {
    match Value::of(text) {
        Ok(value) => invalid(format!("a message must be a JSON object, found {}", value.kind())),
        Err(why) => not_json(&why),
    }
}

fn not_json<'a>(why: &NotJson) -> Rejected<'a> {
    Rejected::new(ErrorCode::InvalidJson, format!("not JSON: {why}"))
}

fn invalid<'a>(message: String) -> Rejected<'a> {
    Rejected::new(ErrorCode::InvalidMessage, message)
}

/// A field's name for error texts.
fn shown(name: &[u8]) -> String {
    let short: String = String::from_utf8_lossy(name).chars().take(64).collect();
    format!("{short:?}")
}
