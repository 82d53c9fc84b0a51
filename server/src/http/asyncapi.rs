//! The AsyncAPI 3 document of the WebSocket protocol, made from the protocol's own reference: a
//! frame that is added there is here.

use std::sync::LazyLock;

use protocol::reference::{Direction, FrameDoc, client_frames, server_frames};
use protocol::{CloseCode, ErrorCode};
use serde_json::{Map, Value, json};

use crate::page;

/// The two WebSocket paths; both speak the same protocol.
const CHANNELS: [Channel; 2] = [
    Channel { name: "ws", address: "/ws", summary: "Any number of topics", topic: false },
    Channel {
        name: "wsSub",
        address: "/ws/sub/{topic}",
        summary: "The topic of the path, subscribed to by setup",
        topic: true,
    },
];

struct Channel {
    name: &'static str,
    address: &'static str,
    summary: &'static str,
    /// Whether the address has the parameter `topic`.
    topic: bool,
}

/// The document as JSON: all but the server is the same for every request.
pub(super) fn document(protocol: &str, host: &str) -> String {
    let server =
        json!({ "gateway": { "host": host, "protocol": protocol, "description": "The gateway" } });
    let Template { before, behind, .. } = &*TEMPLATE;
    format!("{before}{server}{behind}")
}

/// Another one as soon as the document is, but for its server.
pub(super) fn revision() -> &'static str {
    &TEMPLATE.revision
}

/// The document without the value of `servers`.
struct Template {
    before: String,
    behind: String,
    revision: String,
}

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    const SERVERS: &str = "$servers";
    let text = whole(SERVERS).to_string();
    let revision = page::revision(text.as_bytes());
    let (before, behind) = text.split_once(&format!("\"{SERVERS}\"")).unwrap_or_default();
    Template { before: before.to_owned(), behind: behind.to_owned(), revision }
});

fn whole(servers: &str) -> Value {
    let frames: Vec<FrameDoc> = client_frames().into_iter().chain(server_frames()).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Micro Socket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One JSON object per WebSocket text frame. The first frame is `setup`; frames may follow without waiting \
                for its answer. Unknown fields are ignored.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
            "tags": [{ "name": "WebSocket", "description": "Where clients connect" }],
        },
        "defaultContentType": "application/json",
        "servers": servers,
        "channels": CHANNELS.iter().map(|channel| (channel.name.to_owned(), self::channel(channel, &frames))).collect::<Map<_, _>>(),
        "operations": CHANNELS.iter().flat_map(|channel| operations(channel, &frames)).collect::<Map<_, _>>(),
        "components": { "messages": frames.iter().map(|frame| (id(frame), message(frame))).collect::<Map<_, _>>() },
        "x-error-codes": ErrorCode::ALL
            .iter()
            .map(|code| json!({ "code": code.as_str(), "meaning": code.meaning(), "remedy": code.remedy() }))
            .collect::<Value>(),
        "x-close-codes": CloseCode::ALL
            .iter()
            .map(|code| json!({ "code": code.number(), "meaning": code.meaning(), "client": code.reaction() }))
            .collect::<Value>(),
    })
}

/// A kind may go both ways (`ack`), hence the direction before it.
fn id(frame: &FrameDoc) -> String {
    match frame.direction {
        Direction::ToServer => format!("client.{}", frame.kind),
        Direction::ToClient => format!("server.{}", frame.kind),
    }
}

fn message(frame: &FrameDoc) -> Value {
    let example: Value = serde_json::from_str(&frame.example).unwrap_or_default();
    json!({
        "name": frame.kind,
        "title": frame.kind,
        "summary": frame.summary,
        "contentType": "application/json",
        "payload": frame.schema,
        "examples": [{ "name": frame.kind, "payload": example }],
    })
}

fn channel(channel: &Channel, frames: &[FrameDoc]) -> Value {
    let reference = |frame| json!({ "$ref": format!("#/components/messages/{}", id(frame)) });
    let mut value = json!({
        "address": channel.address,
        "summary": channel.summary,
        "servers": [{ "$ref": "#/servers/gateway" }],
        "messages": frames.iter().map(|frame| (id(frame), reference(frame))).collect::<Map<_, _>>(),
        "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
    });
    if channel.topic {
        value["parameters"] = json!({
            "topic": { "description": "Percent-encoded: `a%2Fb` is the topic `a/b`.", "examples": ["prices"] },
        });
    }
    value
}

/// `send` and `receive` are said of the gateway.
fn operations(channel: &Channel, frames: &[FrameDoc]) -> [(String, Value); 2] {
    let to_server = (
        "receive",
        Direction::ToServer,
        "What a client may send",
        "`setup` comes first; what comes before it is refused.",
    );
    let to_client = (
        "send",
        Direction::ToClient,
        "What the gateway sends",
        "Answers come in the order of their requests, messages in the order of their numbers.",
    );
    [to_server, to_client].map(|(action, direction, summary, description)| {
        let reference = |frame| json!({ "$ref": format!("#/channels/{}/messages/{}", channel.name, id(frame)) });
        let operation = json!({
            "action": action,
            "summary": summary,
            "description": description,
            "channel": { "$ref": format!("#/channels/{}", channel.name) },
            "messages": frames.iter().filter(|frame| frame.direction == direction).map(reference).collect::<Value>(),
        });
        (format!("{}.{action}", channel.name), operation)
    })
}
