//! The AsyncAPI and OpenAPI documents accept exactly the messages that the gateway accepts.

use crate::gateway::{Gateway, Socket};
use crate::schema::within;
use serde_json::{Value, json};

const KEY: &str = "first-key-of-a-backend";

/// Values that are valid in some field and invalid in others. (A schema cannot express lengths in
/// bytes: it may accept more.)
fn values() -> Vec<String> {
    let words =
        ["null", "true", "false", "[]", "{}", "[[]]", "[1]", "[null]", r#"["a"]"#, r#"["", "$a"]"#];
    let maps = [
        r#"{"a":1}"#,
        r#"{"a":1.0}"#,
        r#"{"a":-1}"#,
        r#"{"a":null}"#,
        r#"{"a":"e"}"#,
        r#"{"a":"e e"}"#,
        r#"{"a":[]}"#,
    ];
    let numbers = [
        "0",
        "-0",
        "0.0",
        "1",
        "1.0",
        "1e0",
        "10e-1",
        "1E2",
        "1.5",
        "-1",
        "9007199254740991",
        "9007199254740992",
        "1e300",
    ];
    let texts = [
        "", "a", " ", "a b", " a", "a ", "$", "$a", "a$", "*", ">", "a.*", "*.a", "a.>.b", "a*",
        "**", ".", "a..b", "e_-9",
    ];
    let characters = [
        "\u{0}", "\n", "\u{1f}", "\u{7f}", "\u{85}", "\u{a0}", "\u{180e}", "\u{200b}", "\u{2028}",
        "\u{3000}", "\u{feff}", "é",
    ];
    let around = characters
        .iter()
        .flat_map(|c| [c.to_string(), format!("{c}a"), format!("a{c}"), format!("a{c}a")]);
    let long = [128, 129, 256, 257].map(|length| "x".repeat(length));
    let texts = texts
        .map(str::to_owned)
        .into_iter()
        .chain(around)
        .chain(long)
        .map(|text| json!(text).to_string());
    words.into_iter().chain(maps).chain(numbers).map(str::to_owned).chain(texts).collect()
}

/// `message` with each of its fields, and each field in `more`, left out and replaced by each of
/// the values.
fn variants(message: &Value, more: &[&str]) -> Vec<String> {
    let message = message.as_object().unwrap();
    let fields = message
        .keys()
        .map(String::as_str)
        .chain(more.iter().copied())
        .filter(|field| *field != "type");
    let with = |field: &str, value: Option<&str>| {
        let others = message
            .iter()
            .filter(|(name, _)| *name != field)
            .map(|(name, value)| format!("{}:{value}", json!(name)));
        let changed = value.map(|value| format!("{}:{value}", json!(field)));
        format!("{{{}}}", others.chain(changed).collect::<Vec<_>>().join(","))
    };
    let of_field = |field: &str| {
        let changed: Vec<_> = values().iter().map(|value| with(field, Some(value))).collect();
        changed.into_iter().chain([with(field, None)])
    };
    fields.flat_map(of_field).collect()
}

/// Whether the gateway accepts `frame` as well-formed, whatever it answers.
async fn is_understood(socket: &mut Socket, frame: &str) -> bool {
    socket.send(frame).await;
    socket.send(r#"{"type":"ping"}"#).await;
    let (mut understood, mut pongs) = (true, 1 + usize::from(frame.contains(r#""type":"ping""#)));
    while pongs > 0 {
        let answer = socket.next().await;
        understood &= !matches!(
            answer["code"].as_str(),
            Some("INVALID_JSON" | "INVALID_MESSAGE" | "INVALID_TOPIC" | "UNKNOWN_TYPE")
        );
        pongs -= usize::from(answer["type"] == "pong");
    }
    understood
}

#[tokio::test]
async fn over_websocket() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__INVALID_FRAMES", "1000000")]);
    let document = gateway.json("/asyncapi.json").await;
    let mut socket = gateway.user("u", &[]).await;
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        if !name.starts_with("client.") {
            continue;
        }
        let schema = within(&document, &message["payload"]);
        let optional: Vec<&str> = message["payload"]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        for frame in variants(&message["examples"][0]["payload"], &optional) {
            let fits = schema.is_valid(&serde_json::from_str(&frame).unwrap());
            assert_eq!(
                fits,
                is_understood(&mut socket, &frame).await,
                "the document takes it: {fits}; the gateway does not agree: {frame}"
            );
        }
    }
}

#[tokio::test]
async fn over_http() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, KEY).unwrap();
    let gateway = Gateway::start(&[("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap())]);
    let document = gateway.json("/openapi.json").await;
    let schema = within(&document, &document["components"]["schemas"]["PublishItem"]);
    let items = variants(&json!({ "topic": "t", "payload": 1 }), &["messageId", "userId", "type"]);
    for chunk in items.chunks(500) {
        let answer: Value =
            gateway.publish(KEY, format!("[{}]", chunk.join(","))).await.json().await.unwrap();
        for (item, result) in chunk.iter().zip(answer["results"].as_array().unwrap()) {
            let fits = schema.is_valid(&serde_json::from_str(item).unwrap());
            assert_eq!(
                fits,
                result["status"].is_string(),
                "the document takes it: {fits}; {item}: {result}"
            );
        }
    }
}
