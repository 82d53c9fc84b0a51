//! Setups that name many topics: the first `limits.max_subscriptions` of them are handled, and the
//! time is linear in their number.

use crate::{
    gateway::Gateway,
    issuer::{BY_SECRET, token},
};
use serde_json::{Value, json};

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("t{number}")).collect()
}

/// Type, topic and code of each frame up to `ready`.
async fn answers(socket: &mut crate::gateway::Socket) -> Vec<Value> {
    let mut answers = Vec::new();
    loop {
        let answer = socket.next().await;
        answers.push(json!([answer["type"], answer["topic"], answer["code"]]));
        if answer["type"] == "ready" {
            return answers;
        }
    }
}

#[tokio::test]
async fn the_first_are_handled_and_the_rest_gets_one_error() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_SUBSCRIPTIONS", "3")]);
    let mut socket = gateway.connect("/ws/sub/url").await;
    // Refused topics count, repeated ones do not.
    let topics = json!(["a", "$refused", "a", "url", "b", "c", "b"]);
    socket.send(&json!({ "type": "setup", "token": "u", "topics": topics }).to_string()).await;
    let expected = [
        json!(["subscribed", "url", null]),
        json!(["subscribed", "a", null]),
        json!(["error", "$refused", "INVALID_TOPIC"]),
        json!(["error", "b", "TOO_MANY_SUBSCRIPTIONS"]),
        json!(["ready", null, null]),
    ];
    assert_eq!(answers(&mut socket).await, expected);
    assert_eq!(gateway.json("/stats").await["subscriptions"], 2);
    assert_eq!(
        gateway.metrics().await["micro_socket_topics_known"],
        2.0,
        "the others were not touched"
    );
}

#[tokio::test]
async fn a_session_comes_last_and_loses_what_is_too_much() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_SUBSCRIPTIONS", "2")]);
    let mut socket = gateway.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": "u", "topics": ["a", "b"] });
    socket.send(&setup.to_string()).await;
    let session = loop {
        let answer = socket.next().await;
        if answer["type"] == "ready" {
            assert_eq!(answer["limits"]["maxSubscriptions"], 2);
            break answer["sessionId"].clone();
        }
    };
    for (topics, expected) in [
        (
            json!(["c"]),
            [
                json!(["subscribed", "c", null]),
                json!(["subscribed", "a", null]),
                json!(["error", "b", "TOO_MANY_SUBSCRIPTIONS"]),
            ]
            .to_vec(),
        ),
        (json!([]), [json!(["subscribed", "a", null]), json!(["subscribed", "c", null])].to_vec()),
    ] {
        let mut socket = gateway.connect("/ws").await;
        socket
            .send(
                &json!({ "type": "setup", "token": "u", "topics": topics, "sessionId": session })
                    .to_string(),
            )
            .await;
        let mut found = answers(&mut socket).await;
        assert_eq!(found.pop(), Some(json!(["ready", null, null])));
        // The order of the topics that the session adds is not specified.
        let key = |answer: &Value| answer.to_string();
        let (mut found, mut expected) = (found, expected);
        found.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn many_are_handled_in_parts_and_no_message_comes_before_ready() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    let topics = names(0..1000);
    let mut socket = gateway.connect("/ws").await;
    socket.send(&json!({ "type": "setup", "token": "u", "topics": topics }).to_string()).await;
    // Published while the setup is being answered.
    for number in 0..50 {
        let publish = json!({ "type": "publish", "topic": "t0", "messageId": number.to_string(), "payload": number });
        assert_eq!(publisher.ask(&publish).await["status"], "ok");
    }
    let mut first = None;
    for topic in &topics {
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["topic"]), (&json!("subscribed"), &json!(topic)));
        first = first.or(answer["seqNo"].as_u64());
    }
    assert_eq!(socket.next().await["type"], "ready");
    for number in first.unwrap()..50 {
        assert_eq!(socket.next().await["seqNo"], number + 1);
    }
}

#[tokio::test]
async fn a_renewal_brings_new_topics_and_moves_nothing() {
    let gateway = Gateway::start(&BY_SECRET);
    let rights = |subscribe: &[&str]| {
        token("ann", json!({ "topics": { "subscribe": subscribe, "publish": [">"] } }))
    };
    let mut socket = gateway.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": rights(&["a", "b"]), "topics": ["a", "b"] });
    socket.send(&setup.to_string()).await;
    assert_eq!(answers(&mut socket).await.len(), 3);
    for id in 1..=3 {
        socket.send(&json!({ "type": "publish", "topic": "c", "messageId": id.to_string(), "payload": id }).to_string()).await;
        assert_eq!(socket.next().await["status"], "ok");
    }
    let renewal = json!({
        "type": "setup", "token": rights(&["b", "c"]), "topics": ["b", "c", "d"],
        "lastSeq": { "b": 0, "c": 1 }, "last": { "b": 5 },
    });
    socket.send(&renewal.to_string()).await;
    let expected = [
        json!(["unsubscribed", "a", "FORBIDDEN"]),
        json!(["subscribed", "b", null]),
        json!(["subscribed", "c", null]),
        json!(["error", "d", "FORBIDDEN"]),
        json!(["ready", null, null]),
    ];
    let mut found = Vec::new();
    let mut replayed = Vec::new();
    while replayed.len() < 2 || found.len() < expected.len() {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "message" => replayed.push(frame["seqNo"].as_u64().unwrap()),
            kind => {
                assert!(
                    frame["topic"] != "b"
                        || frame["recovered"].is_null() && frame["after"].is_null(),
                    "{frame}"
                );
                assert!(
                    frame["topic"] != "c" || kind != "subscribed" || frame["after"] == 1,
                    "{frame}"
                );
                found.push(json!([frame["type"], frame["topic"], frame["code"]]));
            }
        }
    }
    assert_eq!((found, replayed), (expected.to_vec(), vec![2, 3]));
}
