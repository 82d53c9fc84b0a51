//! Deduplication: the same message id by the same user counts once.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

async fn publish(socket: &mut Socket, topic: &str, id: &str) -> Value {
    socket
        .ask(&json!({ "type": "publish", "topic": topic, "messageId": id, "payload": null }))
        .await
}

fn ack(status: &str, topic: &str, id: &str, seq_no: u64) -> Value {
    json!({ "type": "ack", "messageId": id, "status": status, "topic": topic, "seqNo": seq_no })
}

#[tokio::test]
async fn a_repeat_is_told_where_the_first_one_stands_and_is_not_delivered() {
    let gateway = Gateway::start(&[]);
    let mut reader = gateway.user("reader", &["a", "b"]).await;
    let mut one = gateway.user("u", &[]).await;
    let mut other_connection = gateway.user("u", &[]).await;
    let mut other_user = gateway.user("v", &[]).await;
    assert_eq!(publish(&mut one, "a", "k").await, ack("ok", "a", "k", 1));
    assert_eq!(publish(&mut one, "a", "k").await, ack("duplicate", "a", "k", 1));
    assert_eq!(
        publish(&mut other_connection, "b", "k").await,
        ack("duplicate", "a", "k", 1),
        "the first one's topic"
    );
    assert_eq!(
        publish(&mut other_user, "b", "k").await,
        ack("ok", "b", "k", 1),
        "another user's is another message"
    );
    assert_eq!(publish(&mut one, "a", "last").await, ack("ok", "a", "last", 2));
    let seen: Vec<Value> = [reader.next().await, reader.next().await, reader.next().await]
        .map(|m| m["messageId"].clone())
        .into();
    assert_eq!(seen, [json!("k"), json!("k"), json!("last")]);
}

#[tokio::test]
async fn two_at_once_get_exactly_one_ok() {
    let gateway = Arc::new(Gateway::start(&[]));
    let mut reader = gateway.user("reader", &["t"]).await;
    let mut racers = Vec::new();
    for _ in 0..4 {
        let mut socket = gateway.user("u", &[]).await;
        racers.push(tokio::spawn(async move {
            let frames: Vec<Value> =
                (0..200).map(|i| json!({ "type": "publish", "topic": "t", "messageId": i.to_string(), "payload": null })).collect();
            socket.pipeline(&frames).await;
            let mut firsts = Vec::new();
            for _ in &frames {
                let answer = socket.next().await;
                if answer["status"] == "ok" {
                    firsts.push((answer["seqNo"].as_u64().unwrap(), answer["messageId"].clone()));
                } else {
                    assert_eq!(answer["status"], "duplicate");
                }
            }
            firsts
        }));
    }
    let mut firsts = Vec::new();
    for racer in racers {
        firsts.extend(racer.await.unwrap());
    }
    firsts.sort_by_key(|first| first.0);
    assert_eq!(firsts.len(), 200);
    for (seq_no, id) in firsts {
        let message = reader.next().await;
        assert_eq!((&message["seqNo"], &message["messageId"]), (&json!(seq_no), &id));
    }
}

#[tokio::test]
async fn after_the_window_it_is_a_new_message() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_DEDUP__WINDOW", "300ms")]);
    let mut socket = gateway.user("u", &[]).await;
    assert_eq!(publish(&mut socket, "t", "k").await["status"], "ok");
    assert_eq!(publish(&mut socket, "t", "k").await["status"], "duplicate");
    // The test is about the end of the window, so it waits for it.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(publish(&mut socket, "t", "k").await, ack("ok", "t", "k", 2));
}

#[tokio::test]
async fn at_a_limit_the_oldest_is_forgotten_first() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_DEDUP__MAX_KEYS", "4"),
        ("MICRO_SOCKET_DEDUP__MAX_KEYS_PER_USER", "2"),
    ]);
    let mut users = Vec::new();
    for name in ["u", "v", "w"] {
        users.push(gateway.user(name, &[]).await);
    }
    let status =
        async |socket: &mut Socket, id: &str| publish(socket, "t", id).await["status"].clone();
    for id in ["1", "2", "3"] {
        assert_eq!(status(&mut users[0], id).await, "ok");
    }
    assert_eq!(status(&mut users[0], "3").await, "duplicate");
    assert_eq!(status(&mut users[0], "2").await, "duplicate");
    assert_eq!(status(&mut users[0], "1").await, "ok", "forgotten for 3; now 2 is");
    for (user, id) in [(1, "1"), (1, "2"), (2, "1")] {
        assert_eq!(status(&mut users[user], id).await, "ok");
    }
    assert_eq!(status(&mut users[0], "1").await, "duplicate", "four keys: u 1, v 1, v 2, w 1");
    assert_eq!(status(&mut users[0], "3").await, "ok", "the oldest of all has gone");
}
