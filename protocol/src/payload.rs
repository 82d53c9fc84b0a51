//! Any JSON value, passed on byte for byte: number precision, key order and Unicode escapes are
//! preserved.

use crate::json::{NotJson, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A JSON value, as the text that was received. Two payloads are equal if their bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a>(Cow<'a, str>);

impl<'a> Payload<'a> {
    /// Takes over `json`, which must be one whole JSON value.
    ///
    /// # Errors
    /// [`NotJson`], with the place.
    pub fn parse(json: &'a str) -> Result<Self, NotJson> {
        Value::of(json).map(Self::from)
    }

    /// Encodes a value.
    ///
    /// # Errors
    /// If `value` cannot be JSON, for instance a map with keys that are not strings.
    pub fn from_value(value: &impl Serialize) -> Result<Payload<'static>, serde_json::Error> {
        serde_json::to_string(value).map(|json| Payload(Cow::Owned(json)))
    }

    /// The payload `null`.
    #[must_use]
    pub fn null() -> Payload<'static> {
        Payload(Cow::Borrowed("null"))
    }

    /// The JSON text.
    #[must_use]
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The same payload, owning its text.
    #[must_use]
    pub fn into_owned(self) -> Payload<'static> {
        Payload(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<Value<'a>> for Payload<'a> {
    fn from(value: Value<'a>) -> Self {
        Self(Cow::Borrowed(value.text))
    }
}

impl<'a> From<&'a RawValue> for Payload<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(Cow::Borrowed(raw.get()))
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.get())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Payload<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Payload".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}
