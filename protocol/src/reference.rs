//! Every frame with its fields and an example, made from the types themselves. The page's reference
//! and forms and the AsyncAPI document are made from it.

use crate::{
    Ack, AckStatus, ClientFrame, Epoch, ErrorCode, Failure, Limits, Message, MessageId, Payload,
    Publish, Ready, Receipt, SeqNo, ServerFrame, Setup, Subscribe, Subscribed, Topic, Unsubscribe,
    Unsubscribed, names::MAX_BYTES,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::Value;
use std::borrow::Cow;

/// Who sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A client, to the gateway.
    ToServer,
    /// The gateway, to a client.
    ToClient,
}

/// One kind of frame.
#[derive(Debug, Clone)]
pub struct FrameDoc {
    /// The value of `type`.
    pub kind: &'static str,
    /// Who sends it.
    pub direction: Direction,
    /// What it is for, in a sentence or two.
    pub summary: String,
    /// The fields besides `type`, in the order of the type.
    pub fields: Vec<FieldDoc>,
    /// An example frame, as compact JSON.
    pub example: String,
    /// The JSON Schema (2020-12) of the whole frame.
    pub schema: Value,
}

/// One field of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDoc {
    /// The name as it is sent.
    pub name: String,
    /// Whether a frame without it is refused.
    pub required: bool,
    /// The kind of input that a form needs for it.
    pub kind: FieldKind,
    /// What it means, in a sentence.
    pub description: String,
    /// The fields of a fixed object; otherwise empty.
    pub inner: Vec<FieldDoc>,
}

/// The shapes that a field's value can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// An object from topics to values.
    ByTopic,
    /// A fixed object.
    Object,
    /// Any JSON value.
    Json,
}

impl FieldKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Texts,
        Self::Number,
        Self::Flag,
        Self::ByTopic,
        Self::Object,
        Self::Json,
    ];

    /// The kind in a word or two, for a reader.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "list of texts",
            Self::Number => "whole number",
            Self::Flag => "true or false",
            Self::ByTopic => "object by topic",
            Self::Object => "object",
            Self::Json => "any JSON",
        }
    }
}

/// The frames that a client may send, in the order of [`ClientFrame::KINDS`].
#[must_use]
pub fn client_frames() -> Vec<FrameDoc> {
    ClientFrame::KINDS.iter().map(|&kind| client_frame(kind)).collect()
}

/// The frames that the gateway sends, in the order of [`ServerFrame::KINDS`].
#[must_use]
pub fn server_frames() -> Vec<FrameDoc> {
    ServerFrame::KINDS.iter().map(|&kind| server_frame(kind)).collect()
}

fn client_frame(kind: &'static str) -> FrameDoc {
    let (schema, example) = match kind {
        "setup" => (
            of::<Setup<'_>>(),
            ClientFrame::Setup(Setup {
                token: "demo-user".into(),
                topics: vec!["prices".into(), "alerts".into()],
                ..Setup::default()
            }),
        ),
        "subscribe" => (
            of::<Subscribe<'_>>(),
            ClientFrame::Subscribe(Subscribe {
                topic: topic("prices"),
                last_seq: None,
                epoch: None,
                last: None,
            }),
        ),
        "unsubscribe" => (
            of::<Unsubscribe<'_>>(),
            ClientFrame::Unsubscribe(Unsubscribe { topic: topic("prices") }),
        ),
        "publish" => (
            of::<Publish<'_>>(),
            ClientFrame::Publish(Publish {
                topic: topic("orders"),
                message_id: message_id(),
                payload: Payload::parse(r#"{"side":"sell","qty":25000}"#)
                    .unwrap_or_else(|_| Payload::null()),
            }),
        ),
        "ack" => (
            of::<Receipt<'_>>(),
            ClientFrame::Ack(Receipt {
                topic: topic("orders"),
                seq_no: seq_no(8),
                epoch: Some(epoch()),
            }),
        ),
        _ => (
            json_schema!({ "type": "object", "description": "Answered by `pong`. For browsers, which cannot send WebSocket pings." }),
            ClientFrame::Ping,
        ),
    };
    document(kind, Direction::ToServer, schema, serde_json::to_string(&example))
}

fn server_frame(kind: &'static str) -> FrameDoc {
    let (schema, example) = match kind {
        "subscribed" => (
            of::<Subscribed<'_>>(),
            ServerFrame::Subscribed(Subscribed {
                topic: topic("prices"),
                seq_no: seq_no(96),
                epoch: epoch(),
                recovered: None,
                after: None,
            }),
        ),
        "unsubscribed" => (
            of::<Unsubscribed<'_>>(),
            ServerFrame::Unsubscribed(Unsubscribed { topic: topic("prices"), code: None }),
        ),
        "ready" => (
            of::<Ready<'_>>(),
            ServerFrame::Ready(Ready {
                session_id: "7f3aQ0mXw2LkT9dRb1ZcVg".into(),
                resumed: None,
                limits: Limits {
                    max_frame: 65_536,
                    max_subscriptions: 1_000,
                    session_ttl_ms: 120_000,
                    dedup_window_ms: 120_000,
                    ping_ms: 25_000,
                },
                expires_in_ms: None,
            }),
        ),
        "message" => (
            of::<Message<'_>>(),
            ServerFrame::Message(Message {
                topic: topic("orders"),
                seq_no: seq_no(8),
                message_id: message_id(),
                data: Payload::parse(r#"{"side":"sell","qty":25000}"#)
                    .unwrap_or_else(|_| Payload::null()),
                prev_seq_no: None,
                sig: None,
            }),
        ),
        "ack" => (
            of::<Ack<'_>>(),
            ServerFrame::Ack(Ack {
                message_id: message_id(),
                status: AckStatus::Ok,
                topic: topic("orders"),
                seq_no: seq_no(8),
            }),
        ),
        "error" => (
            of::<Failure<'_>>(),
            ServerFrame::Error(Failure {
                code: ErrorCode::InvalidTopic,
                message: "topic must not be empty".into(),
                topic: Some("".into()),
                message_id: None,
                retry_after_ms: None,
            }),
        ),
        _ => (
            json_schema!({ "type": "object", "description": "Answers `ping`." }),
            ServerFrame::Pong,
        ),
    };
    document(kind, Direction::ToClient, schema, serde_json::to_string(&example))
}

// The names below are constants that the tests check, so the fall-backs are never taken.
fn topic(name: &'static str) -> Topic<'static> {
    Topic::new(name).unwrap_or_else(|why| unreachable!("{name} {why}"))
}

fn message_id() -> MessageId<'static> {
    MessageId::new("ord-7Q2N").unwrap_or_else(|why| unreachable!("{why}"))
}

fn epoch() -> Epoch<'static> {
    Epoch::new("k3Vt9QxA").unwrap_or_else(|why| unreachable!("{why}"))
}

fn seq_no(number: u64) -> SeqNo {
    SeqNo::new(number).unwrap_or_default()
}

/// The schema of `T` with all definitions inlined.
fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    SchemaGenerator::new(settings).into_root_schema_for::<T>()
}

fn document(
    kind: &'static str,
    direction: Direction,
    schema: Schema,
    example: serde_json::Result<String>,
) -> FrameDoc {
    let mut schema = schema.to_value();
    let summary = text_of(&schema, "description");
    let fields = fields(&schema);
    add_type(&mut schema, kind);
    tell_lengths(&mut schema);
    FrameDoc { kind, direction, summary, fields, example: example.unwrap_or_default(), schema }
}

fn text_of(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().replace('\n', " ")
}

fn fields(schema: &Value) -> Vec<FieldDoc> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| FieldDoc {
            name: name.clone(),
            required: required.contains(&name.as_str()),
            kind: field_kind(property),
            description: text_of(property, "description"),
            inner: fields(property),
        })
        .collect()
}

fn field_kind(property: &Value) -> FieldKind {
    let is = |name: &str| match &property["type"] {
        Value::String(found) => found == name,
        Value::Array(found) => found.iter().any(|v| v == name),
        _ => false,
    };
    if is("object") {
        return if property["additionalProperties"].is_object() {
            FieldKind::ByTopic
        } else {
            FieldKind::Object
        };
    }
    let kinds = [
        ("array", FieldKind::Texts),
        ("integer", FieldKind::Number),
        ("boolean", FieldKind::Flag),
        ("string", FieldKind::Text),
    ];
    if let Some((_, kind)) = kinds.into_iter().find(|(name, _)| is(name)) {
        return kind;
    }
    let variant =
        property["anyOf"].as_array().or(property["oneOf"].as_array()).and_then(|list| list.first());
    match variant {
        Some(first) if first["const"].is_string() => FieldKind::Text,
        Some(first) => field_kind(first),
        None => FieldKind::Json,
    }
}

fn add_type(schema: &mut Value, kind: &str) {
    let constant: Cow<'_, str> = kind.into();
    schema["properties"]["type"] = serde_json::json!({ "const": constant });
    match schema["required"].as_array_mut() {
        Some(required) => required.insert(0, "type".into()),
        None => schema["required"] = serde_json::json!(["type"]),
    }
}

/// JSON Schema counts characters, so limits in bytes are added to the description.
fn tell_lengths(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if let Some(max) = keywords.get(MAX_BYTES) {
                let length = format!("At most {max} bytes of UTF-8; maxLength counts characters.");
                let described = keywords
                    .get("description")
                    .and_then(Value::as_str)
                    .map(|text| format!("{text} {length}"));
                keywords.insert("description".into(), described.unwrap_or(length).into());
            }
            keywords.values_mut().for_each(tell_lengths);
        }
        Value::Array(items) => items.iter_mut().for_each(tell_lengths),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn field(doc: &FrameDoc, name: &str) -> FieldDoc {
        doc.fields
            .iter()
            .find(|f| f.name == name)
            .unwrap_or_else(|| panic!("{} lacks {name}", doc.kind))
            .clone()
    }

    #[test]
    fn each_example_is_a_frame_of_its_kind() {
        for doc in client_frames() {
            assert_eq!(ClientFrame::parse(&doc.example).unwrap().kind(), doc.kind);
        }
        for doc in server_frames() {
            assert_eq!(ServerFrame::parse(&doc.example).unwrap().kind(), doc.kind);
        }
    }

    #[test]
    fn each_frame_and_field_is_described() {
        for doc in client_frames().into_iter().chain(server_frames()) {
            assert!(!doc.summary.is_empty(), "{}", doc.kind);
            for field in &doc.fields {
                assert!(!field.description.is_empty(), "{}.{}", doc.kind, field.name);
            }
        }
    }

    #[test]
    fn fields_tell_what_a_form_needs() {
        let docs = client_frames();
        let setup = docs.iter().find(|d| d.kind == "setup").unwrap();
        assert_eq!(
            setup.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
            ["token", "topics", "sessionId", "lastSeq", "epoch", "last"]
        );
        assert_eq!(
            (field(setup, "token").kind, field(setup, "token").required),
            (FieldKind::Text, true)
        );
        assert_eq!(
            (field(setup, "topics").kind, field(setup, "topics").required),
            (FieldKind::Texts, false)
        );
        assert_eq!(field(setup, "lastSeq").kind, FieldKind::ByTopic);
        let publish = docs.iter().find(|d| d.kind == "publish").unwrap();
        assert_eq!(
            (field(publish, "payload").kind, field(publish, "payload").required),
            (FieldKind::Json, true)
        );
        let subscribe = docs.iter().find(|d| d.kind == "subscribe").unwrap();
        assert_eq!(field(subscribe, "lastSeq").kind, FieldKind::Number);
        let docs = server_frames();
        let ack = docs.iter().find(|d| d.kind == "ack").unwrap();
        assert_eq!(field(ack, "status").kind, FieldKind::Text);
        let ready = docs.iter().find(|d| d.kind == "ready").unwrap();
        let limits = field(ready, "limits");
        assert_eq!(limits.kind, FieldKind::Object);
        assert!(limits.inner.iter().any(|inner| inner.name == "maxFrame"
            && inner.required
            && inner.kind == FieldKind::Number));
        assert!(field(ready, "sessionId").inner.is_empty());
        assert_eq!(field(ready, "resumed").kind, FieldKind::Flag);
    }
}
