//! Any JSON value, passed through byte for byte: number precision, key order and Unicode escapes survive.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;

/// A JSON value as the text that it came as. Two payloads are equal where their bytes are.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Payload<'a>(Cow<'a, RawValue>);

impl<'a> Payload<'a> {
    /// Takes over `json`, which has to be one whole JSON value.
    ///
    /// # Errors
    /// The parser's, with line and column.
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(json).map(Self::from)
    }

    /// Encodes a value of the caller's.
    ///
    /// # Errors
    /// Where `value` cannot be JSON, for instance a map with keys that are not texts.
    pub fn from_value(value: &impl Serialize) -> Result<Payload<'static>, serde_json::Error> {
        to_raw_value(value).map(|raw| Payload(Cow::Owned(raw)))
    }

    /// `null`, what a publish without `payload` carries.
    #[must_use]
    pub fn null() -> Payload<'static> {
        Payload(Cow::Borrowed(RawValue::NULL))
    }

    /// The JSON text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The same, independent of what it was read from.
    #[must_use]
    pub fn into_owned(self) -> Payload<'static> {
        Payload(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<&'a RawValue> for Payload<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(Cow::Borrowed(raw))
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
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
