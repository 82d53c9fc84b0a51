//! Sessions: what is restored after a connection has ended, and for which user.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

async fn publish(socket: &mut Socket, topic: &str, count: u64) {
    for _ in 0..count {
        let id =
            std::iter::repeat_with(|| rand::random_range('a'..='z')).take(20).collect::<String>();
        socket
            .send(
                &json!({ "type": "publish", "topic": topic, "messageId": id, "payload": null })
                    .to_string(),
            )
            .await;
        assert_eq!(socket.next().await["status"], "ok");
    }
}

/// Sends `setup` and reads up to `ready`; returns the answers before it, and `ready`.
async fn set_up(socket: &mut Socket, setup: Value) -> (Vec<Value>, Value) {
    let mut frame = json!({ "type": "setup", "token": "u" });
    frame.as_object_mut().unwrap().extend(setup.as_object().unwrap().clone());
    socket.send(&frame.to_string()).await;
    let mut answers = Vec::new();
    loop {
        let answer = socket.next().await;
        if answer["type"] == "ready" {
            return (answers, answer);
        }
        answers.push(answer);
    }
}

async fn begin(gateway: &Gateway, topics: &[&str]) -> (Socket, Value) {
    let mut socket = gateway.connect("/ws").await;
    let (_, ready) = set_up(&mut socket, json!({ "topics": topics })).await;
    (socket, ready["sessionId"].clone())
}

/// Breaks the connection without a close frame.
async fn lose(gateway: &Gateway, socket: Socket) {
    drop(socket);
    let others = gateway.json("/stats").await["connections"].as_u64().unwrap();
    while others > 0 && gateway.json("/stats").await["connections"].as_u64() == Some(others) {
        // The gateway sends no event when it has noticed another connection's end, so ask again.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn close(socket: &mut Socket, code: u16) {
    socket
        .message(Message::Close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: "".into(),
        })))
        .await;
    while socket.read().await.is_some() {}
}

async fn resume(gateway: &Gateway, session: &Value) -> (Socket, Vec<Value>, Value) {
    let mut socket = gateway.connect("/ws").await;
    let (answers, ready) = set_up(&mut socket, json!({ "sessionId": session })).await;
    (socket, answers, ready)
}

async fn expect(socket: &mut Socket, topic: &str, numbers: impl Iterator<Item = u64>) {
    for seq_no in numbers {
        let message = socket.next().await;
        assert_eq!(
            (&message["topic"], &message["seqNo"]),
            (&json!(topic), &json!(seq_no)),
            "{message}"
        );
    }
}

async fn nothing_else(socket: &mut Socket) {
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn a_session_goes_on_where_its_subscriptions_began_or_were_acked() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 3).await;
    let (mut socket, session) = begin(&gateway, &["t"]).await;
    publish(&mut publisher, "t", 4).await;
    expect(&mut socket, "t", 4..=7).await;
    lose_all_but(&gateway, socket, 1).await;
    publish(&mut publisher, "t", 1).await;

    let (mut socket, answers, ready) = resume(&gateway, &session).await;
    assert_eq!((&ready["sessionId"], &ready["resumed"]), (&session, &json!(true)));
    assert_eq!(answers.len(), 1);
    assert_eq!(
        (&answers[0]["topic"], &answers[0]["seqNo"], &answers[0]["recovered"]),
        (&json!("t"), &json!(8), &json!(true))
    );
    expect(&mut socket, "t", 4..=8).await;

    for (seq_no, epoch) in
        [(6, Value::Null), (9, Value::Null), (8, json!("another")), (5, Value::Null)]
    {
        let mut ack = json!({ "type": "ack", "topic": "t", "seqNo": seq_no });
        if !epoch.is_null() {
            ack["epoch"] = epoch;
        }
        socket.send(&ack.to_string()).await;
    }
    nothing_else(&mut socket).await;
    lose_all_but(&gateway, socket, 1).await;
    let (mut socket, ..) = resume(&gateway, &session).await;
    expect(&mut socket, "t", 7..=8).await;
    nothing_else(&mut socket).await;
}

async fn lose_all_but(gateway: &Gateway, socket: Socket, others: u64) {
    drop(socket);
    while gateway.json("/stats").await["connections"].as_u64() != Some(others) {
        // The gateway sends no event when it has noticed another connection's end, so ask again.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn the_answers_come_in_order_the_urls_topic_the_given_ones_and_the_sessions() {
    let gateway = Gateway::start(&[]);
    let (socket, session) = begin(&gateway, &["s1", "both", "s2"]).await;
    lose(&gateway, socket).await;
    let mut socket = gateway.connect("/ws/sub/url").await;
    let (answers, ready) =
        set_up(&mut socket, json!({ "topics": ["new", "both", "new"], "sessionId": session }))
            .await;
    assert_eq!(ready["resumed"], true);
    let topics: Vec<_> = answers.iter().map(|answer| answer["topic"].as_str().unwrap()).collect();
    assert_eq!(topics[..3], ["url", "new", "both"]);
    assert_eq!(topics.len(), 5);
    assert!(topics[3..].contains(&"s1") && topics[3..].contains(&"s2"));
    let recovered = |topic: &str| {
        answers.iter().find(|answer| answer["topic"] == topic).unwrap().get("recovered").cloned()
    };
    assert_eq!((recovered("new"), recovered("url")), (None, None));
    assert_eq!((recovered("both"), recovered("s1")), (Some(json!(true)), Some(json!(true))));
}

#[tokio::test]
async fn what_was_left_stays_left_and_a_given_position_counts() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    let (mut socket, session) = begin(&gateway, &["a", "b"]).await;
    socket.ask(&json!({ "type": "unsubscribe", "topic": "a" })).await;
    publish(&mut publisher, "b", 5).await;
    lose_all_but(&gateway, socket, 1).await;
    let mut socket = gateway.connect("/ws").await;
    let (answers, _) =
        set_up(&mut socket, json!({ "sessionId": session, "lastSeq": { "b": 3, "a": 0 } })).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    expect(&mut socket, "b", 4..=5).await;
    lose_all_but(&gateway, socket, 1).await;
    let (mut socket, ..) = resume(&gateway, &session).await;
    expect(&mut socket, "b", 4..=5).await;
    nothing_else(&mut socket).await;
}

#[tokio::test]
async fn a_loss_is_said_again_until_it_is_acked() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__MESSAGES", "2")]);
    let mut publisher = gateway.user("p", &[]).await;
    let (socket, session) = begin(&gateway, &["t"]).await;
    lose_all_but(&gateway, socket, 1).await;
    publish(&mut publisher, "t", 5).await;
    for _ in 0..2 {
        let (mut socket, answers, _) = resume(&gateway, &session).await;
        assert_eq!((&answers[0]["recovered"], &answers[0]["seqNo"]), (&json!(false), &json!(5)));
        socket.send(&json!({ "type": "ack", "topic": "t", "seqNo": 4 }).to_string()).await;
        nothing_else(&mut socket).await;
        lose_all_but(&gateway, socket, 1).await;
    }
    let (mut socket, ..) = resume(&gateway, &session).await;
    socket.send(&json!({ "type": "ack", "topic": "t", "seqNo": 5 }).to_string()).await;
    nothing_else(&mut socket).await;
    lose_all_but(&gateway, socket, 1).await;
    publish(&mut publisher, "t", 1).await;
    let (mut socket, answers, _) = resume(&gateway, &session).await;
    assert_eq!(answers[0]["recovered"], true);
    expect(&mut socket, "t", 6..=6).await;
}

#[tokio::test]
async fn a_session_resumed_elsewhere_is_closed_here_and_what_it_writes_is_ignored() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    let (mut old, session) = begin(&gateway, &["t"]).await;
    publish(&mut publisher, "t", 3).await;
    let (mut new, _, ready) = resume(&gateway, &session).await;
    assert_eq!(ready["resumed"], true);
    expect(&mut new, "t", 1..=3).await;
    for frame in [
        json!({ "type": "ack", "topic": "t", "seqNo": 3 }),
        json!({ "type": "unsubscribe", "topic": "t" }),
    ] {
        old.send(&frame.to_string()).await;
    }
    let (code, _) = old.closed().await;
    assert_eq!(code, Some(4409));
    lose_all_but(&gateway, new, 1).await;
    let (mut new, answers, _) = resume(&gateway, &session).await;
    assert_eq!(answers.len(), 1);
    expect(&mut new, "t", 1..=3).await;
}

#[tokio::test]
async fn close_4000_ends_a_session_and_any_other_keeps_it() {
    let gateway = Gateway::start(&[]);
    for (code, resumed) in [(1000, true), (1001, true), (4000, false)] {
        let (mut socket, session) = begin(&gateway, &["t"]).await;
        close(&mut socket, code).await;
        gateway
            .stats_become(
                json!({ "connections": 0, "topics": 0, "subscriptions": 0 }),
                Duration::from_secs(20),
            )
            .await;
        let (socket, answers, ready) = resume(&gateway, &session).await;
        assert_eq!(
            (&ready["resumed"], answers.len()),
            (&json!(resumed), usize::from(resumed)),
            "{code}"
        );
        assert_eq!(ready["sessionId"] == session, resumed);
        lose_all_but(&gateway, socket, 0).await;
    }
}

#[tokio::test]
async fn an_unknown_a_foreign_and_an_expired_session_look_the_same() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_SESSION__TTL", "200ms")]);
    let (socket, mine) = begin(&gateway, &["t"]).await;
    let mut other = gateway.connect("/ws").await;
    other
        .send(&json!({ "type": "setup", "token": "somebody else", "sessionId": mine }).to_string())
        .await;
    let foreign = other.next().await;
    let (_, _, unknown) = resume(&gateway, &json!("AAAAAAAAAAAAAAAAAAAAAA")).await;
    drop(socket);
    // The test is about the end of `session.ttl`, so it waits for it.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (_, answers, expired) = resume(&gateway, &mine).await;
    assert!(answers.is_empty());
    for ready in [foreign, unknown, expired] {
        assert_eq!((&ready["type"], &ready["resumed"]), (&json!("ready"), &json!(false)));
        assert_ne!(ready["sessionId"], mine);
    }
}

#[tokio::test]
async fn detached_sessions_are_bounded_the_oldest_goes_first() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_SESSION__MAX", "2"),
        ("MICRO_SOCKET_SESSION__SUBSCRIPTIONS", "4"),
    ]);
    let mut sessions = Vec::new();
    for topics in [&["a"][..], &["b"], &["c"], &["d", "e", "f", "g"]] {
        let (socket, session) = begin(&gateway, topics).await;
        lose_all_but(&gateway, socket, 0).await;
        sessions.push(session);
    }
    for (session, resumed) in sessions.iter().zip([false, false, false, true]) {
        let (mut socket, _, ready) = resume(&gateway, session).await;
        assert_eq!(ready["resumed"], resumed);
        close(&mut socket, 4000).await;
        lose_all_but(&gateway, socket, 0).await;
    }
}

/// The client has missed 500 messages, and gets them in order as soon as it is back.
#[tokio::test]
async fn a_reader_that_was_away_for_500_messages_misses_none() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    let (socket, session) = begin(&gateway, &["t"]).await;
    lose_all_but(&gateway, socket, 1).await;
    publish(&mut publisher, "t", 500).await;
    let (mut socket, ..) = resume(&gateway, &session).await;
    expect(&mut socket, "t", 1..=500).await;
}
