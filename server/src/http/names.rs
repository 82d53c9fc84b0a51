//! The protocol's names in the OpenAPI document, by the same patterns and limits as in the AsyncAPI
//! document.

use protocol::{MessageId, Topic, UserId};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

/// A topic's name.
pub(super) fn topic() -> Schema {
    name(Topic::PATTERN, Topic::MAX_BYTES, "The topic.", Type::String)
}

/// A message's name, which may be left out.
pub(super) fn message_id() -> Schema {
    let text = "The same id of the same user within `dedup.window` is answered as a duplicate. Made up if it is missing.";
    name(MessageId::PATTERN, MessageId::MAX_BYTES, text, optional())
}

/// A user's name, which may be left out.
pub(super) fn user_id() -> Schema {
    let text = "The user whose message id it is. Missing: the backends', which no client shares.";
    name(UserId::PATTERN, UserId::MAX_BYTES, text, optional())
}

/// `null` counts as left out.
fn optional() -> SchemaType {
    SchemaType::from_iter([Type::String, Type::Null])
}

/// JSON Schema counts characters: that the limit is one of bytes can only be told.
fn name(pattern: &str, max_bytes: usize, text: &str, kind: impl Into<SchemaType>) -> Schema {
    let described =
        format!("{text} At most {max_bytes} bytes of UTF-8; maxLength counts characters.");
    let schema = ObjectBuilder::new().schema_type(kind).description(Some(described));
    schema.min_length(Some(1)).max_length(Some(max_bytes)).pattern(Some(pattern)).into()
}
