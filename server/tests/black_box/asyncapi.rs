//! `/asyncapi.json` compared with the protocol's types and with the frames of a live session.

use std::collections::BTreeSet;

use protocol::{ClientFrame, ServerFrame};
use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::{Gateway, Socket};
use crate::schema::{assert_fits, assert_references_resolve, within};

fn message<'a>(document: &'a Value, side: &str, kind: &str) -> &'a Value {
    &document["components"]["messages"][format!("{side}.{kind}")]
}

/// All kinds of frames of both sides, as the document names them.
fn kinds() -> BTreeSet<String> {
    let client = ClientFrame::KINDS.iter().map(|kind| format!("client.{kind}"));
    client.chain(ServerFrame::KINDS.iter().map(|kind| format!("server.{kind}"))).collect()
}

#[tokio::test]
async fn every_kind_of_frame_is_a_message_of_both_channels() {
    let document = Gateway::start(&[]).json("/asyncapi.json").await;
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_references_resolve(&document);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&document["components"]["messages"]), kinds());
    for (channel, address) in [("ws", "/ws"), ("wsSub", "/ws/sub/{topic}")] {
        assert_eq!(document["channels"][channel]["address"], address);
        assert_eq!(names(&document["channels"][channel]["messages"]), kinds());
        for (action, side) in [("receive", "client."), ("send", "server.")] {
            let operation = &document["operations"][format!("{channel}.{action}")];
            assert_eq!(operation["action"], action);
            let prefix = format!("#/channels/{channel}/messages/");
            let listed = operation["messages"].as_array().unwrap().iter();
            let listed: BTreeSet<_> = listed
                .map(|item| {
                    item["$ref"].as_str().unwrap().strip_prefix(&prefix).unwrap().to_owned()
                })
                .collect();
            assert_eq!(listed, kinds().into_iter().filter(|kind| kind.starts_with(side)).collect());
        }
    }
}

#[tokio::test]
async fn the_server_is_the_address_that_was_asked() {
    let gateway = Gateway::start(&[]);
    let asked =
        async |host: &str| gateway.request(Method::GET, "/asyncapi.json", &[("host", host)]).await;
    for (host, shown) in [
        ("localhost:1234", "localhost:1234"),
        ("App.Localhost", "app.localhost"),
        ("[::1]:80", "[::1]:80"),
    ] {
        let response = asked(host).await;
        let etag = response.headers()["etag"].to_str().unwrap().to_owned();
        let document: Value = response.json().await.unwrap();
        assert_eq!(document["servers"]["gateway"]["host"], shown);
        assert_eq!(document["servers"]["gateway"]["protocol"], "ws");
        let again = gateway
            .request(Method::GET, "/asyncapi.json", &[("host", host), ("if-none-match", &etag)])
            .await;
        assert_eq!(again.status(), 304);
        let other = gateway
            .request(
                Method::GET,
                "/asyncapi.json",
                &[("host", "other.localhost"), ("if-none-match", &etag)],
            )
            .await;
        assert_eq!(other.status(), 200, "another address is another document");
    }
}

#[tokio::test]
async fn each_example_fits_its_schema_and_nothing_less_does() {
    let document = Gateway::start(&[]).json("/asyncapi.json").await;
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let schema = within(&document, &message["payload"]);
        let example = &message["examples"][0]["payload"];
        assert_fits(&schema, example, name);
        assert_eq!(example["type"], message["name"]);
        for field in message["payload"]["required"].as_array().unwrap() {
            let mut broken = example.clone();
            broken.as_object_mut().unwrap().remove(field.as_str().unwrap());
            assert!(!schema.is_valid(&broken), "{name} fits without {field}");
        }
        let mut other = example.clone();
        other["type"] = json!("other");
        assert!(!schema.is_valid(&other), "{name} fits as another type");
        for topic in ["", "$sys", " prices", "a\nb"] {
            if message["payload"]["properties"].get("topic").is_some() && name != "server.error" {
                let mut invalid = example.clone();
                invalid["topic"] = json!(topic);
                assert!(!schema.is_valid(&invalid), "{name} fits with the topic {topic:?}");
            }
        }
    }
}

/// Sends `frame`, which must fit the document, and checks the `count` answers against the document.
async fn exchange(
    document: &Value,
    socket: &mut Socket,
    frame: Value,
    count: usize,
    seen: &mut BTreeSet<String>,
) -> Vec<Value> {
    let kind = frame["type"].as_str().unwrap();
    assert_fits(&within(document, &message(document, "client", kind)["payload"]), &frame, kind);
    seen.insert(format!("client.{kind}"));
    socket.send(&frame.to_string()).await;
    let mut answers = Vec::new();
    for _ in 0..count {
        let answer = socket.next().await;
        let kind = answer["type"].as_str().unwrap();
        let message = message(document, "server", kind);
        assert!(message.is_object(), "{kind} is not in the document");
        assert_fits(&within(document, &message["payload"]), &answer, kind);
        seen.insert(format!("server.{kind}"));
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn the_frames_of_a_live_session_fit() {
    let gateway = Gateway::start(&[]);
    let document = gateway.json("/asyncapi.json").await;
    let mut socket = gateway.connect("/ws/sub/prices").await;
    let mut seen = BTreeSet::new();
    let steps = [
        (json!({ "type": "subscribe", "topic": "alerts" }), &["error"][..]),
        (
            json!({ "type": "setup", "token": "demo-user", "topics": ["alerts", "$sys"] }),
            &["subscribed", "subscribed", "error", "ready"],
        ),
        (
            json!({ "type": "subscribe", "topic": "orders", "lastSeq": 3, "epoch": "gone" }),
            &["subscribed"],
        ),
        (
            json!({ "type": "publish", "topic": "prices", "messageId": "1", "payload": { "bid": 1.10 } }),
            &["ack", "message"],
        ),
        (
            json!({ "type": "publish", "topic": "prices", "messageId": "1", "payload": null }),
            &["ack"],
        ),
        (json!({ "type": "ack", "topic": "prices", "seqNo": 1 }), &[]),
        (json!({ "type": "ping" }), &["pong"]),
        (json!({ "type": "unsubscribe", "topic": "alerts" }), &["unsubscribed"]),
    ];
    for (frame, expected) in steps {
        let sent = frame.to_string();
        let answers = exchange(&document, &mut socket, frame, expected.len(), &mut seen).await;
        let kinds: BTreeSet<&str> =
            answers.iter().map(|answer| answer["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, expected.iter().copied().collect(), "{sent}");
    }
    assert_eq!(seen, kinds(), "the session does not show every kind");
}
