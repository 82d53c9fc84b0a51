//! The shares of users: topics, histories, sessions and message ids of one user do not use up those
//! of others.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};
use std::{fs, time::Duration};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const KEY: &str = "a-key-of-a-backend";

/// A gateway with an API key for a backend.
fn with_backend(environment: &[(&str, &str)]) -> (Gateway, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    let mut all = vec![("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap())];
    all.extend(environment);
    (Gateway::start(&all), folder)
}

async fn subscribe(socket: &mut Socket, topic: &str) -> Value {
    socket.ask(&json!({ "type": "subscribe", "topic": topic })).await
}

async fn unsubscribe(socket: &mut Socket, topic: &str) {
    assert_eq!(
        socket.ask(&json!({ "type": "unsubscribe", "topic": topic })).await["type"],
        "unsubscribed"
    );
}

async fn publish(socket: &mut Socket, topic: &str, id: &str, payload: &str) -> Value {
    socket
        .ask(&json!({ "type": "publish", "topic": topic, "messageId": id, "payload": payload }))
        .await
}

#[tokio::test]
async fn a_users_topics_are_bounded_and_others_have_room() {
    let limits = [
        ("MICRO_SOCKET_LIMITS__MAX_TOPICS_PER_USER", "2"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ];
    let (gateway, _folder) = with_backend(&limits);
    let mut socket = gateway.user("u", &["a", "b"]).await;
    let mut same_user = gateway.user("u", &[]).await;
    for frame in [
        json!({ "type": "subscribe", "topic": "c" }),
        json!({ "type": "publish", "topic": "c", "messageId": "m", "payload": 1 }),
    ] {
        let refused = same_user.ask(&frame).await;
        assert_eq!((&refused["code"], &refused["topic"]), (&json!("TOO_MANY_TOPICS"), &json!("c")));
        let text = refused["message"].as_str().unwrap();
        assert!(text.contains("2 topics") && text.contains("user's share"), "{text}");
    }
    let mut other = gateway.user("v", &["x", "y"]).await;
    assert_eq!(
        subscribe(&mut socket, "x").await["type"],
        "subscribed",
        "it is the other user's, whoever uses it"
    );
    unsubscribe(&mut other, "x").await;
    assert_eq!(
        subscribe(&mut other, "z").await["code"],
        "TOO_MANY_TOPICS",
        "somebody is subscribed to each of them"
    );
    let items: Vec<_> = (0..5)
        .map(|n| json!({ "topic": format!("of-backends-{n}"), "payload": n, "userId": "u" }))
        .collect();
    let results =
        gateway.publish(KEY, Value::from(items).to_string()).await.json::<Value>().await.unwrap();
    assert!(
        results["results"].as_array().unwrap().iter().all(|result| result["status"] == "ok"),
        "{results}"
    );
    for n in 0..3 {
        assert_eq!(gateway.json(&format!("/demo/publish/of-demo-{n}?k=v")).await["ok"], true);
    }
    assert_eq!(
        gateway.metrics().await["micro_socket_topic_owners"],
        3.0,
        "two users, and the backends"
    );
}

#[tokio::test]
async fn at_its_share_a_user_loses_its_own_oldest_topic() {
    let limits = [
        ("MICRO_SOCKET_LIMITS__MAX_TOPICS_PER_USER", "2"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ];
    let gateway = Gateway::start(&limits);
    let mut other = gateway.user("v", &[]).await;
    publish(&mut other, "oldest-of-all", "1", "").await;
    let mut socket = gateway.user("u", &[]).await;
    let mut life = Vec::new();
    for topic in ["old", "young"] {
        life.push(subscribe(&mut socket, topic).await["epoch"].clone());
        unsubscribe(&mut socket, topic).await;
    }
    assert_eq!(publish(&mut socket, "third", "2", "").await["status"], "ok", "in place of `old`");
    assert_eq!(subscribe(&mut other, "young").await["epoch"], life[1]);
    assert_eq!(subscribe(&mut other, "oldest-of-all").await["seqNo"], 1);
    assert_ne!(subscribe(&mut other, "old").await["epoch"], life[0]);
}

#[tokio::test]
async fn a_flood_pushes_out_its_own_history() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__TOTAL_BYTES", "256KiB")]);
    let (mut quiet, mut loud) = (gateway.user("quiet", &[]).await, gateway.user("loud", &[]).await);
    let payload = "x".repeat(1000);
    for id in ["1", "2", "3"] {
        publish(&mut quiet, "of-quiet", id, &payload).await;
        publish(&mut loud, "small", id, &payload).await;
    }
    for round in 0..10 {
        let frames: Vec<_> = (0..100)
            .map(|n| json!({ "type": "publish", "topic": "large", "messageId": format!("{round}-{n}"), "payload": payload }))
            .collect();
        loud.pipeline(&frames).await;
        for _ in &frames {
            assert_eq!(loud.next().await["status"], "ok");
        }
    }
    let mut reader = gateway.user("reader", &[]).await;
    for (topic, recovered) in [("of-quiet", true), ("small", true), ("large", false)] {
        let answer =
            reader.ask(&json!({ "type": "subscribe", "topic": topic, "lastSeq": 0 })).await;
        assert_eq!(answer["recovered"], recovered, "{topic}");
        if recovered {
            for seq_no in 1..=3 {
                assert_eq!(reader.next().await["seqNo"], seq_no);
            }
        }
    }
    let metrics = gateway.metrics().await;
    assert!(metrics["micro_socket_history_bytes"] <= 256.0 * 1024.0);
    assert!(metrics["micro_socket_history_largest_owner_bytes"] > 200.0 * 1024.0);
    assert!(metrics["micro_socket_history_given_total"] > 10.0);
}

/// Sends `setup` and returns `ready`.
async fn set_up(socket: &mut Socket, setup: Value) -> Value {
    socket.send(&setup.to_string()).await;
    loop {
        let answer = socket.next().await;
        if answer["type"] == "ready" {
            return answer;
        }
    }
}

/// Begins a session with these subscriptions and breaks the connection.
async fn leave_a_session(gateway: &Gateway, user: &str, topics: &[&str]) -> Value {
    let detached = gateway.metrics().await["micro_socket_sessions_detached"];
    let dropped = gateway.metrics().await["micro_socket_sessions_dropped_total"];
    let mut socket = gateway.connect("/ws").await;
    let ready =
        set_up(&mut socket, json!({ "type": "setup", "token": user, "topics": topics })).await;
    drop(socket);
    loop {
        let metrics = gateway.metrics().await;
        if metrics["micro_socket_sessions_detached"]
            + metrics["micro_socket_sessions_dropped_total"]
            > detached + dropped
        {
            return ready["sessionId"].clone();
        }
        // The gateway sends no event when it has noticed a connection's end, so ask again.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether the session exists; resuming it here ends it.
async fn was_there(gateway: &Gateway, user: &str, session: &Value) -> bool {
    let mut socket = gateway.connect("/ws").await;
    let ready =
        set_up(&mut socket, json!({ "type": "setup", "token": user, "sessionId": session })).await;
    socket
        .message(Message::Close(Some(CloseFrame {
            code: CloseCode::from(4000),
            reason: "".into(),
        })))
        .await;
    while socket.read().await.is_some() {}
    ready["resumed"] == true
}

#[tokio::test]
async fn a_users_detached_sessions_are_bounded_and_others_stay() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_SESSION__MAX_PER_USER", "2"),
        ("MICRO_SOCKET_SESSION__SUBSCRIPTIONS_PER_USER", "4"),
    ]);
    let of_other = leave_a_session(&gateway, "v", &["a", "b", "c"]).await;
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(leave_a_session(&gateway, "u", &["a"]).await);
    }
    assert!(!was_there(&gateway, "u", &own[0]).await, "the third one is one too many");
    own.push(leave_a_session(&gateway, "u", &["a", "b", "c", "d"]).await);
    for gone in &own[1..3] {
        assert!(
            !was_there(&gateway, "u", gone).await,
            "the last one has as many subscriptions as there may be"
        );
    }
    assert!(was_there(&gateway, "u", &own[3]).await);
    assert!(was_there(&gateway, "v", &of_other).await);
}

#[tokio::test]
async fn backends_use_nothing_of_a_users_message_ids() {
    let (gateway, _folder) = with_backend(&[("MICRO_SOCKET_DEDUP__MAX_KEYS_PER_USER", "2")]);
    let mut socket = gateway.user("u", &[]).await;
    assert_eq!(publish(&mut socket, "t", "own", "").await["status"], "ok");
    let as_backend = async || {
        let items: Vec<_> = (0..5).map(|n| json!({ "topic": "t", "messageId": format!("b{n}"), "payload": n, "userId": "u" })).collect();
        let answer = gateway
            .publish(KEY, Value::from(items).to_string())
            .await
            .json::<Value>()
            .await
            .unwrap();
        answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["status"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(as_backend().await, ["ok"; 5]);
    assert_eq!(
        publish(&mut socket, "t", "own", "").await["status"],
        "duplicate",
        "they push out none of the user's"
    );
    assert_eq!(
        publish(&mut socket, "t", "b0", "").await["status"],
        "duplicate",
        "they are the user's message ids"
    );
    for id in ["1", "2", "3"] {
        assert_eq!(publish(&mut socket, "t", id, "").await["status"], "ok");
    }
    assert_eq!(as_backend().await, ["duplicate"; 5], "the user pushes out none of theirs");
    assert_eq!(publish(&mut socket, "t", "own", "").await["status"], "ok", "but its own");
    let metrics = gateway.metrics().await;
    assert_eq!(metrics["micro_socket_dedup_keys_dropped_total"], 3.0);
    assert_eq!(metrics["micro_socket_dedup_keys"], 7.0);
    assert!(metrics["micro_socket_dedup_oldest_key_seconds"] > 0.0);
}
