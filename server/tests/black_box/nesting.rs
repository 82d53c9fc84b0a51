//! Nested JSON of any depth: `limits.max_depth` bounds what is delivered, and deeper payloads do no
//! other harm.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};

const KEY: &str = "first-key-of-a-backend";

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn publish(id: &str, payload: &str) -> String {
    format!(r#"{{"type":"publish","topic":"t","messageId":"{id}","payload":{payload}}}"#)
}

async fn assert_refused(socket: &mut Socket, frame: &str, limit: &str) {
    socket.send(frame).await;
    let answer = socket.next().await;
    assert_eq!(answer["code"], "INVALID_MESSAGE", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(limit), "{answer}");
}

/// With a frame limit that has room for a million levels, and these variables.
fn roomy<'a>(environment: &[(&'a str, &'a str)]) -> Gateway {
    let room =
        [("MICRO_SOCKET_LIMITS__MAX_FRAME", "4MiB"), ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "8MiB")];
    Gateway::start(&[&room, environment].concat())
}

#[tokio::test]
async fn what_is_nested_too_deeply_reaches_nobody() {
    let gateway = roomy(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    for depth in [129, 30_000, 1_000_000] {
        assert_refused(&mut socket, &publish("deep", &nested(depth)), "at most 128 levels").await;
    }
    socket.send(&publish("deep", &nested(128))).await;
    assert_eq!(socket.next().await["seqNo"], 1);
    assert!(socket.next_text().await.ends_with(&format!("\"data\":{}}}", nested(128))));
}

#[tokio::test]
async fn the_limit_is_the_configurations_and_zero_is_none() {
    let strict = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_DEPTH", "1")]);
    let mut socket = strict.user("u", &[]).await;
    assert_refused(&mut socket, &publish("m", "[{}]"), "at most 1 levels").await;
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": {} }))
            .await["status"],
        "ok"
    );

    let open = roomy(&[("MICRO_SOCKET_LIMITS__MAX_DEPTH", "0")]);
    let mut socket = open.user("u", &["t"]).await;
    socket.send(&publish("m", &nested(1_000_000))).await;
    assert_eq!(socket.next().await["status"], "ok");
    assert!(socket.next_text().await.ends_with(&format!("\"data\":{}}}", nested(1_000_000))));
}

#[tokio::test]
async fn what_is_not_read_may_be_nested_at_will() {
    let gateway = roomy(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    for depth in [30_000, 1_000_000] {
        socket.send(&format!(r#"{{"type":"ping","x":{}}}"#, nested(depth))).await;
        assert_eq!(socket.next().await["type"], "pong");
        socket.send(&"[".repeat(depth)).await;
        assert_eq!(socket.next().await["code"], "INVALID_JSON");
        assert_refused(&mut socket, &nested(depth), "object").await;
        assert_refused(
            &mut socket,
            &format!(r#"{{"type":"setup","token":{}}}"#, nested(depth)),
            "token",
        )
        .await;
    }
}

#[tokio::test]
async fn over_http_the_same_holds() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, KEY).unwrap();
    let gateway = roomy(&[("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap())]);
    let mut socket = gateway.user("u", &["t"]).await;
    for depth in [129, 30_000, 1_000_000] {
        let item = format!(r#"{{"topic":"t","payload":{}}}"#, nested(depth));
        let ignored = format!(r#"{{"topic":"t","payload":{depth},"x":{}}}"#, nested(depth));
        for (body, status, code) in [
            (&item, 400, json!("INVALID_MESSAGE")),
            (&ignored, 200, Value::Null),
            (&"[".repeat(depth), 400, json!("INVALID_JSON")),
        ] {
            let response = gateway.publish(KEY, body.clone()).await;
            assert_eq!(response.status(), status);
            assert_eq!(response.json::<Value>().await.unwrap()["code"], code);
        }
        assert_eq!(socket.next().await["data"], depth);
        let answer: Value =
            gateway.publish(KEY, format!("[{item},{}]", nested(depth))).await.json().await.unwrap();
        assert_eq!(
            (&answer["results"][0]["code"], &answer["results"][1]["code"]),
            (&json!("INVALID_MESSAGE"), &json!("INVALID_MESSAGE"))
        );
    }
}
