//! Reads the values of fields.

use super::number::whole;
use crate::{
    Epoch, Invalid, MessageId, Newest, SeqNo, UserId,
    json::{Items, Members, Value},
};
use std::{borrow::Cow, collections::BTreeMap};

/// What is wrong with a field's value: the part of the error's text after the field's name.
pub(super) struct Wrong(pub(super) Cow<'static, str>);

impl Wrong {
    fn found(allowed: impl std::fmt::Display, value: Value<'_>) -> Self {
        Self(format!("{allowed}, found {}", value.kind()).into())
    }
}

impl From<Invalid> for Wrong {
    fn from(why: Invalid) -> Self {
        Self(why.to_string().into())
    }
}

pub(super) fn string(value: Value<'_>) -> Result<Cow<'_, str>, Wrong> {
    let text = value.as_text().ok_or_else(|| Wrong::found("must be text", value))?;
    text.characters().ok_or_else(|| {
        Wrong("must be text of whole Unicode characters, found half of a surrogate pair".into())
    })
}

pub(super) fn message_id(value: Value<'_>) -> Result<MessageId<'_>, Wrong> {
    Ok(MessageId::new(string(value)?)?)
}

pub(super) fn user_id(value: Value<'_>) -> Result<UserId<'_>, Wrong> {
    Ok(UserId::new(string(value)?)?)
}

pub(super) fn epoch(value: Value<'_>) -> Result<Epoch<'_>, Wrong> {
    Ok(Epoch::new(string(value)?)?)
}

pub(super) fn seq_no(value: Value<'_>) -> Result<SeqNo, Wrong> {
    whole(value.text)
        .and_then(|number| SeqNo::new(number).ok())
        .ok_or_else(|| not_a_number(Invalid::NotASequenceNumber, value))
}

pub(super) fn newest(value: Value<'_>) -> Result<Newest, Wrong> {
    whole(value.text)
        .and_then(|number| Newest::new(number).ok())
        .ok_or_else(|| not_a_number(Invalid::NotACount, value))
}

fn not_a_number(why: Invalid, value: Value<'_>) -> Wrong {
    const SHORT: usize = 24;
    match value.text {
        number if value.kind() == "a number" && number.len() <= SHORT => {
            Wrong(format!("{why}, found {number}").into())
        }
        _ => Wrong::found(why, value),
    }
}

pub(super) fn strings(value: Value<'_>) -> Result<Vec<Cow<'_, str>>, Wrong> {
    const ALLOWED: &str = "must be a list of texts";
    let mut items = Items::of(value.text).ok_or_else(|| Wrong::found(ALLOWED, value))?;
    let mut texts = Vec::new();
    while let Ok(Some(item)) = items.advance() {
        texts.push(string(item).map_err(|Wrong(why)| {
            Wrong(format!("{ALLOWED}; item {} {why}", texts.len() + 1).into())
        })?);
    }
    Ok(texts)
}

/// Reads an object from topics to values, each with `read`. A `null` counts as left out, and so
/// does a key that contains half of a surrogate pair alone, since no topic can.
pub(super) fn by_topic<'a, T>(
    value: Value<'a>,
    read: impl Fn(Value<'a>) -> Result<T, Wrong>,
) -> Result<BTreeMap<Cow<'a, str>, T>, Wrong> {
    const ALLOWED: &str = "must be an object with each topic once";
    let mut members = Members::of(value.text).ok_or_else(|| Wrong::found(ALLOWED, value))?;
    let (mut keys, mut by_topic) = (Vec::new(), BTreeMap::new());
    while let Ok(Some((key, value))) = members.advance() {
        keys.push(key.bytes());
        if value.text == "null" {
            continue;
        }
        let read = read(value)?;
        if let Some(topic) = key.characters() {
            by_topic.insert(topic, read);
        }
    }
    match repeated(&mut keys) {
        Some(key) => {
            Err(Wrong(format!("{ALLOWED}, found {:?} twice", String::from_utf8_lossy(&key)).into()))
        }
        None => Ok(by_topic),
    }
}

/// A key that occurs twice. Sorts the keys.
pub(super) fn repeated<'a>(keys: &mut [Cow<'a, [u8]>]) -> Option<Cow<'a, [u8]>> {
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}
