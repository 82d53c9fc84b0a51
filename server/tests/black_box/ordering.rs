//! Ordering: one order for all subscribers, without gaps, from exactly the number at which a
//! subscription begins to exactly the number at which it ends.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

const PUBLISHERS: usize = 4;
const EACH: usize = 500;

fn publish(topic: &str, id: usize) -> Value {
    json!({ "type": "publish", "topic": topic, "messageId": id.to_string(), "payload": id })
}

/// Publishes `EACH` messages, with at most 50 unanswered, to the topics in turn.
async fn publisher(gateway: Arc<Gateway>, user: String, topics: &'static [&'static str]) {
    let mut socket = gateway.user(&user, &[]).await;
    for window in (0..EACH).collect::<Vec<_>>().chunks(50) {
        let frames: Vec<Value> =
            window.iter().map(|&i| publish(topics[i % topics.len()], i)).collect();
        socket.pipeline(&frames).await;
        for id in window {
            let ack = socket.next().await;
            assert_eq!((&ack["status"], &ack["messageId"]), (&json!("ok"), &json!(id.to_string())));
        }
    }
}

/// Reads `count` messages and checks that each has its topic's next number. Returns all of them, to
/// be compared with other subscribers.
async fn read(socket: &mut Socket, count: usize) -> HashMap<String, Vec<(u64, Value)>> {
    let mut seen: HashMap<String, Vec<(u64, Value)>> = HashMap::new();
    for _ in 0..count {
        let message = socket.next().await;
        assert_eq!(message["type"], "message");
        let of_topic = seen.entry(message["topic"].as_str().unwrap().to_owned()).or_default();
        let seq_no = message["seqNo"].as_u64().unwrap();
        assert_eq!(seq_no, of_topic.len() as u64 + 1, "a gap, a repeat or a change of order");
        of_topic.push((seq_no, message["data"].clone()));
    }
    seen
}

async fn everybody_sees_the_same(subscribers: usize, topics: &'static [&'static str]) {
    let gateway = Arc::new(Gateway::start(&[]));
    let mut readers = Vec::new();
    for number in 0..subscribers {
        let mut socket = gateway.user(&format!("reader-{number}"), topics).await;
        readers.push(tokio::spawn(async move { read(&mut socket, PUBLISHERS * EACH).await }));
    }
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|n| tokio::spawn(publisher(gateway.clone(), format!("publisher-{n}"), topics)))
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await.unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn one_topic_with_few_subscribers() {
    everybody_sees_the_same(3, &["t"]).await;
}

/// From 16 subscribers on, publishes are combined.
#[tokio::test]
async fn one_topic_with_many_subscribers() {
    everybody_sees_the_same(40, &["t"]).await;
}

#[tokio::test]
async fn many_topics_at_once() {
    everybody_sees_the_same(20, &["a", "b", "c", "d", "e"]).await;
}

#[tokio::test]
async fn a_publisher_that_subscribes_gets_its_own_messages() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    socket.pipeline(&(1..=100).map(|i| publish("t", i)).collect::<Vec<_>>()).await;
    let (mut acks, mut messages) = (0, 0);
    while acks < 100 || messages < 100 {
        let frame = socket.next().await;
        let next = if frame["type"] == "ack" { &mut acks } else { &mut messages };
        *next += 1;
        assert_eq!(
            (&frame["seqNo"], &frame["messageId"]),
            (&json!(*next), &json!(next.to_string()))
        );
    }
}

/// A client that subscribes and unsubscribes while others publish at full rate gets exactly the
/// messages between `subscribed` and `unsubscribed`.
#[tokio::test]
async fn a_subscription_begins_and_ends_at_a_number() {
    let gateway = Arc::new(Gateway::start(&[]));
    let mut steady = Vec::new();
    for number in 0..20 {
        steady.push(gateway.user(&format!("steady-{number}"), &["t"]).await);
    }
    let readers: Vec<_> = steady
        .into_iter()
        .map(|mut socket| tokio::spawn(async move { read(&mut socket, PUBLISHERS * EACH).await }))
        .collect();
    let mut guest = gateway.user("guest", &[]).await;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|n| tokio::spawn(publisher(gateway.clone(), format!("publisher-{n}"), &["t"])))
        .collect();
    let mut met = 0;
    let mut head = 0;
    while head < (PUBLISHERS * EACH) as u64 {
        guest
            .pipeline(&[json!({ "type": "subscribe", "topic": "t" }), json!({ "type": "ping" })])
            .await;
        let subscribed = guest.next().await;
        assert_eq!(subscribed["type"], "subscribed", "nothing of the topic comes before it");
        head = subscribed["seqNo"].as_u64().unwrap();
        let mut next = head + 1;
        let mut asked = false;
        loop {
            let frame = guest.next().await;
            match frame["type"].as_str().unwrap() {
                "message" => {
                    assert_eq!(frame["seqNo"], next, "behind {head}");
                    next += 1;
                    met += 1;
                }
                "pong" if !asked => {
                    asked = true;
                    guest
                        .pipeline(&[
                            json!({ "type": "unsubscribe", "topic": "t" }),
                            json!({ "type": "ping" }),
                        ])
                        .await;
                }
                "unsubscribed" => break,
                other => panic!("{other}"),
            }
        }
        assert_eq!(guest.next().await["type"], "pong", "nothing of the topic comes after it");
    }
    for task in publishers {
        task.await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(met > 0, "the guest met some messages");
}

/// No message precedes `ready`, however fast others publish.
#[tokio::test]
async fn nothing_comes_before_ready() {
    let gateway = Arc::new(Gateway::start(&[]));
    let topics: &[&str] = &["a", "b", "c"];
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|n| tokio::spawn(publisher(gateway.clone(), format!("publisher-{n}"), topics)))
        .collect();
    loop {
        let mut socket = gateway.user("u", topics).await;
        if publishers.iter().all(|task| task.is_finished()) {
            break;
        }
        socket.send(r#"{"type":"ping"}"#).await;
        while socket.next().await["type"] != "pong" {}
    }
    for task in publishers {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn topics_of_one_write_arrive_in_the_order_of_their_publishes() {
    let topics = ["a", "b", "c", "d", "e"];
    let gateway = Gateway::start(&[]);
    let mut reader = gateway.user("reader", &topics).await;
    let mut publisher = gateway.user("publisher", &[]).await;
    let frames: Vec<_> = topics.iter().enumerate().map(|(id, topic)| publish(topic, id)).collect();
    publisher.pipeline(&frames).await;
    for topic in topics {
        assert_eq!(reader.next().await["topic"], topic);
    }
}
