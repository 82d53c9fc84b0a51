//! The positions at which subscriptions begin and continue: `last`, `after`, and subscriptions that
//! move while they are running.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};

async fn publish(socket: &mut Socket, topic: &str, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        let id = format!("{topic}-{id}");
        socket
            .send(
                &json!({ "type": "publish", "topic": topic, "messageId": id, "payload": null })
                    .to_string(),
            )
            .await;
        assert_eq!(socket.next().await["status"], "ok");
    }
}

/// Checks that the next messages have these numbers, and that no other message follows.
async fn expect(socket: &mut Socket, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(socket.next().await["seqNo"], number);
    }
    nothing_comes(socket).await;
}

async fn nothing_comes(socket: &mut Socket) {
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong", "nothing else");
}

/// Sends `subscribe` to `t` with these fields; returns `seqNo`, `recovered` and `after` of the
/// answer.
async fn subscribe(socket: &mut Socket, fields: &Value) -> (u64, Option<bool>, Option<u64>) {
    let mut frame = json!({ "type": "subscribe", "topic": "t" });
    frame.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    said(&socket.ask(&frame).await)
}

fn said(answer: &Value) -> (u64, Option<bool>, Option<u64>) {
    assert_eq!(answer["type"], "subscribed", "{answer}");
    (answer["seqNo"].as_u64().unwrap(), answer["recovered"].as_bool(), answer["after"].as_u64())
}

async fn unsubscribe(socket: &mut Socket) {
    assert_eq!(
        socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await["type"],
        "unsubscribed"
    );
}

/// A gateway that keeps 5 messages of `t`, after numbers 1 to 10 of `t` were published.
async fn ten_of_which_five_are_kept() -> (Gateway, Socket) {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__MESSAGES", "5")]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 1..=10).await;
    (gateway, publisher)
}

#[tokio::test]
async fn a_newcomer_gets_the_last_messages_that_it_asks_for() {
    let (gateway, mut publisher) = ten_of_which_five_are_kept().await;
    let mut socket = gateway.user("u", &[]).await;
    for (last, after) in [(1, 9), (3, 7), (5, 5), (6, 5), (9_007_199_254_740_991_u64, 5)] {
        assert_eq!(
            subscribe(&mut socket, &json!({ "last": last })).await,
            (10, None, Some(after)),
            "{last}"
        );
        expect(&mut socket, after + 1..=10).await;
        unsubscribe(&mut socket).await;
    }
    assert_eq!(
        subscribe(&mut socket, &json!({ "last": 1, "lastSeq": 8 })).await,
        (10, Some(true), Some(8)),
        "the position counts"
    );
    expect(&mut socket, 9..=10).await;
    publish(&mut publisher, "t", 11..=11).await;
    expect(&mut socket, 11..=11).await;
    for bad in [json!(0), json!(-1), json!(1.5), json!("1"), json!(9_007_199_254_740_992_u64)] {
        let refused = socket.ask(&json!({ "type": "subscribe", "topic": "t", "last": bad })).await;
        assert_eq!(
            (&refused["code"], &refused["topic"]),
            (&json!("INVALID_MESSAGE"), &json!("t")),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_last_of_a_topic_without_messages_is_no_error() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &[]).await;
    assert_eq!(subscribe(&mut socket, &json!({ "last": 5 })).await, (0, None, Some(0)));
    nothing_comes(&mut socket).await;
}

#[tokio::test]
async fn a_client_that_cannot_be_recovered_knows_where_it_goes_on() {
    let (gateway, _publisher) = ten_of_which_five_are_kept().await;
    let mut socket = gateway.user("u", &[]).await;
    for position in [
        json!({ "lastSeq": 3 }),
        json!({ "lastSeq": 12 }),
        json!({ "lastSeq": 9, "epoch": "another" }),
    ] {
        assert_eq!(
            subscribe(&mut socket, &position).await,
            (10, Some(false), Some(10)),
            "{position}"
        );
        nothing_comes(&mut socket).await;
        let mut with_last = position.clone();
        with_last["last"] = 2.into();
        assert_eq!(
            subscribe(&mut socket, &with_last).await,
            (10, Some(false), Some(8)),
            "{with_last}"
        );
        expect(&mut socket, 9..=10).await;
        unsubscribe(&mut socket).await;
    }
}

#[tokio::test]
async fn a_setup_has_it_for_each_topic() {
    let (gateway, mut publisher) = ten_of_which_five_are_kept().await;
    publish(&mut publisher, "s", 1..=3).await;
    let mut socket = gateway.connect("/ws/sub/t").await;
    let setup = json!({ "type": "setup", "token": "u", "topics": ["s"], "last": { "t": 2, "s": 9, "other": 3 } });
    assert_eq!(said(&socket.ask(&setup).await), (10, None, Some(8)));
    assert_eq!(said(&socket.next().await), (3, None, Some(0)));
    assert_eq!(socket.next().await["type"], "ready");
    let mut seen = Vec::new();
    for _ in 0..5 {
        let message = socket.next().await;
        seen.push((
            message["topic"].as_str().unwrap().to_owned(),
            message["seqNo"].as_u64().unwrap(),
        ));
    }
    seen.sort();
    let expected = [("s", 1), ("s", 2), ("s", 3), ("t", 9), ("t", 10)]
        .map(|(topic, seq_no)| (topic.to_owned(), seq_no));
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_running_subscription_moves_to_a_position_and_to_nothing_else() {
    let (gateway, mut publisher) = ten_of_which_five_are_kept().await;
    let mut socket = gateway.user("u", &["t"]).await;
    assert_eq!(subscribe(&mut socket, &json!({})).await, (10, None, None));
    assert_eq!(
        subscribe(&mut socket, &json!({ "last": 3 })).await,
        (10, None, None),
        "alone it is ignored"
    );
    nothing_comes(&mut socket).await;
    for _ in 0..2 {
        assert_eq!(
            subscribe(&mut socket, &json!({ "lastSeq": 7 })).await,
            (10, Some(true), Some(7))
        );
        expect(&mut socket, 8..=10).await;
    }
    assert_eq!(
        subscribe(&mut socket, &json!({ "lastSeq": 1, "last": 1 })).await,
        (10, Some(false), Some(9))
    );
    expect(&mut socket, 10..=10).await;
    publish(&mut publisher, "t", 11..=11).await;
    expect(&mut socket, 11..=11).await;
    assert_eq!(
        gateway.counts().await,
        json!({ "connections": 2, "topics": 1, "subscriptions": 1 }),
        "it is the same subscription"
    );
    unsubscribe(&mut socket).await;
    publish(&mut publisher, "t", 12..=12).await;
    nothing_comes(&mut socket).await;
}

#[tokio::test]
async fn a_move_in_the_middle_of_a_replay_leaves_the_old_place() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__REPLAY_RATE", "20")]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 1..=100).await;
    let mut socket = gateway.user("u", &[]).await;
    assert_eq!(subscribe(&mut socket, &json!({ "lastSeq": 0 })).await, (100, Some(true), Some(0)));
    socket.send(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 95 }).to_string()).await;
    let mut next = 1;
    let moved = loop {
        let frame = socket.next().await;
        if frame["type"] == "subscribed" {
            break frame;
        }
        assert_eq!(frame["seqNo"], next);
        next += 1;
    };
    assert!(next < 95, "the replay was in the middle");
    assert_eq!(said(&moved), (100, Some(true), Some(95)));
    expect(&mut socket, 96..=100).await;
}

#[tokio::test]
async fn a_session_stores_where_its_subscription_goes_on() {
    let (gateway, _publisher) = ten_of_which_five_are_kept().await;
    let mut socket = gateway.connect("/ws").await;
    let ready = socket.ask(&json!({ "type": "setup", "token": "u" })).await;
    let resume = json!({ "type": "setup", "token": "u", "sessionId": ready["sessionId"], "last": { "t": 1 } });
    assert_eq!(subscribe(&mut socket, &json!({ "last": 4 })).await, (10, None, Some(6)));
    expect(&mut socket, 7..=10).await;
    // Nothing was confirmed, so the same messages are sent again. A session's position has
    // precedence over `last`.
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(said(&socket.ask(&resume).await), (10, Some(true), Some(6)));
    assert_eq!(socket.next().await["resumed"], true);
    expect(&mut socket, 7..=10).await;
    socket.send(&json!({ "type": "ack", "topic": "t", "seqNo": 10 }).to_string()).await;
    // A move sets the position back, and confirmations above it are void.
    assert_eq!(subscribe(&mut socket, &json!({ "lastSeq": 8 })).await, (10, Some(true), Some(8)));
    expect(&mut socket, 9..=10).await;
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(said(&socket.ask(&resume).await), (10, Some(true), Some(8)));
    assert_eq!(socket.next().await["resumed"], true);
    expect(&mut socket, 9..=10).await;
    // A loss is reported again until the client confirms, and then `last` applies.
    assert_eq!(subscribe(&mut socket, &json!({ "lastSeq": 2 })).await, (10, Some(false), Some(10)));
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(said(&socket.ask(&resume).await), (10, Some(false), Some(9)));
    assert_eq!(socket.next().await["resumed"], true);
    expect(&mut socket, 10..=10).await;
}

#[tokio::test]
async fn after_a_restart_a_move_brings_the_messages_of_the_new_epoch() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 1..=3).await;
    let mut socket = gateway.user("u", &["t"]).await;
    let answer = socket.ask(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 7, "epoch": "before", "last": 100 })).await;
    assert_eq!(said(&answer), (3, Some(false), Some(0)));
    expect(&mut socket, 1..=3).await;
    let epoch = &answer["epoch"];
    assert_eq!(
        subscribe(&mut socket, &json!({ "lastSeq": 2, "epoch": epoch })).await,
        (3, Some(true), Some(2))
    );
    expect(&mut socket, 3..=3).await;
}
