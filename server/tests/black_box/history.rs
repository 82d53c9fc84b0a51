//! History and replay: what `recovered` says, and that no message is missing or repeated if it is
//! true.

use crate::gateway::{Gateway, Socket};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn publish(socket: &mut Socket, topic: &str, ids: impl Iterator<Item = u64>, payload: &str) {
    for id in ids {
        socket.send(&json!({ "type": "publish", "topic": topic, "messageId": id.to_string(), "payload": payload }).to_string()).await;
        assert_eq!(socket.next().await["status"], "ok");
    }
}

/// Reads messages of a topic until `last`; they must have the consecutive numbers behind `after`.
async fn expect(socket: &mut Socket, mut after: u64, last: u64) {
    while after < last {
        let message = socket.next().await;
        assert_eq!(
            (&message["type"], message["seqNo"].as_u64()),
            (&json!("message"), Some(after + 1)),
            "{message}"
        );
        after += 1;
    }
}

async fn subscribe(
    socket: &mut Socket,
    topic: &str,
    last_seq: u64,
    epoch: Option<&Value>,
) -> Value {
    socket
        .ask(&json!({ "type": "subscribe", "topic": topic, "lastSeq": last_seq, "epoch": epoch }))
        .await
}

#[tokio::test]
async fn what_was_missed_is_replayed_and_goes_over_to_live() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 1..=10, "x").await;
    let mut socket = gateway.user("u", &[]).await;
    let answer = subscribe(&mut socket, "t", 4, None).await;
    assert_eq!((&answer["seqNo"], &answer["recovered"]), (&json!(10), &json!(true)));
    expect(&mut socket, 4, 10).await;
    assert_eq!(gateway.metrics().await["micro_socket_replayed_messages_total"], 6.0);
    publish(&mut publisher, "t", 11..=12, "x").await;
    expect(&mut socket, 10, 12).await;
}

#[tokio::test]
async fn in_a_setup_nothing_is_replayed_before_ready() {
    let gateway = Gateway::start(&[]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "a", 1..=3, "x").await;
    publish(&mut publisher, "b", 4..=5, "x").await;
    let mut socket = gateway.connect("/ws/sub/a").await;
    let setup =
        json!({ "type": "setup", "token": "u", "topics": ["b"], "lastSeq": { "a": 1, "b": 0 } });
    assert_eq!(socket.ask(&setup).await["recovered"], true);
    assert_eq!(socket.next().await["recovered"], true);
    assert_eq!(socket.next().await["type"], "ready");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let message = socket.next().await;
        seen.push((
            message["topic"].as_str().unwrap().to_owned(),
            message["seqNo"].as_u64().unwrap(),
        ));
    }
    seen.sort();
    assert_eq!(
        seen,
        [("a".to_owned(), 2), ("a".to_owned(), 3), ("b".to_owned(), 1), ("b".to_owned(), 2)]
    );
}

#[tokio::test]
async fn recovered_is_right_in_every_case() {
    let gateway =
        Gateway::start(&[("MICRO_SOCKET_HISTORY__TOPICS", r#"[{ pattern = "t", messages = 3 }]"#)]);
    let mut publisher = gateway.user("p", &[]).await;
    publish(&mut publisher, "t", 1..=10, "x").await;
    let mut socket = gateway.user("u", &[]).await;
    let epoch = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await["epoch"].clone();
    let other = json!("another");
    for (last_seq, epoch, recovered) in [
        (10, Some(&epoch), true),
        (10, None, true),
        (7, Some(&epoch), true),
        (9, None, true),
        (6, Some(&epoch), false),
        (0, None, false),
        (11, Some(&epoch), false),
        (11, None, false),
        (10, Some(&other), false),
        (9, Some(&other), false),
    ] {
        socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
        let answer = subscribe(&mut socket, "t", last_seq, epoch).await;
        assert_eq!(
            (&answer["recovered"], &answer["seqNo"]),
            (&json!(recovered), &json!(10)),
            "{last_seq} {epoch:?}"
        );
        if recovered {
            expect(&mut socket, last_seq, 10).await;
        }
        assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong", "nothing else");
    }
    let empty = subscribe(&mut socket, "empty", 0, None).await;
    assert_eq!((&empty["recovered"], &empty["seqNo"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn a_position_stays_provable_after_the_messages_have_aged_out() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__AGE", "100ms")]);
    let mut socket = gateway.user("u", &[]).await;
    publish(&mut socket, "t", 1..=3, "x").await;
    // The test is about the end of `history.age`, so it waits for it.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(subscribe(&mut socket, "t", 2, None).await["recovered"], false);
    socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
    assert_eq!(subscribe(&mut socket, "t", 3, None).await["recovered"], true);
}

#[tokio::test]
async fn a_topic_that_was_forgotten_and_reborn_has_another_epoch() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_HISTORY__AGE", "50ms"),
        ("MICRO_SOCKET_HISTORY__META_TTL", "50ms"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    let first = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await["epoch"].clone();
    socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
    publish(&mut socket, "t", 1..=3, "x").await;
    // Expired state is removed once a second: the messages, then the topic.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let reborn = subscribe(&mut socket, "t", 3, Some(&first)).await;
    assert_eq!((&reborn["recovered"], &reborn["seqNo"]), (&json!(false), &json!(0)));
    assert_ne!(reborn["epoch"], first);
}

#[tokio::test]
async fn a_gateway_that_was_restarted_recovers_no_old_position() {
    let before = Gateway::start(&[]);
    let mut socket = before.user("u", &[]).await;
    publish(&mut socket, "t", 1..=3, "x").await;
    let old = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await["epoch"].clone();
    drop(before);
    let after = Gateway::start(&[]);
    let mut socket = after.user("u", &[]).await;
    publish(&mut socket, "t", 1..=5, "x").await;
    assert_eq!(subscribe(&mut socket, "t", 3, Some(&old)).await["recovered"], false);
}

#[tokio::test]
async fn joining_again_and_again_while_others_publish_leaves_no_gap_and_no_repeat() {
    const MESSAGES: u64 = 20_000;
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_HISTORY__MESSAGES", "100000"),
        ("MICRO_SOCKET_LIMITS__REPLAY_RATE", "0"),
    ]);
    let mut publisher = gateway.user("p", &[]).await;
    let publishing = tokio::spawn(async move {
        for batch in 0..MESSAGES / 50 {
            let frames: Vec<_> =
                (0..50).map(|i| json!({ "type": "publish", "topic": "t", "messageId": format!("{batch}/{i}"), "payload": null })).collect();
            publisher.pipeline(&frames).await;
            for _ in 0..50 {
                assert_eq!(publisher.next().await["status"], "ok");
            }
        }
    });
    let mut socket = gateway.user("u", &[]).await;
    let (mut last, mut round) = (0, 0);
    while last < MESSAGES {
        let answer = subscribe(&mut socket, "t", last, None).await;
        assert_eq!(answer["recovered"], true);
        let goal = (last + 1 + round * 37 % 900).min(MESSAGES);
        expect(&mut socket, last, goal).await;
        last = goal;
        round += 1;
        socket.send(&json!({ "type": "unsubscribe", "topic": "t" }).to_string()).await;
        loop {
            let frame = socket.next().await;
            if frame["type"] == "unsubscribed" {
                break;
            }
            assert_eq!(frame["seqNo"].as_u64(), Some(last + 1));
            last += 1;
        }
    }
    publishing.await.unwrap();
}

/// 24 MB to replay, a queue of 64 KiB, and other traffic at the same time.
#[tokio::test]
async fn a_client_that_catches_up_is_no_slow_consumer() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "64KiB"),
        ("MICRO_SOCKET_HISTORY__BYTES", "64MiB"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "100000"),
    ]);
    let mut publisher = gateway.user("p", &[]).await;
    let payload = "x".repeat(60_000);
    publish(&mut publisher, "t", 1..=400, &payload).await;
    let mut socket = gateway.user("u", &["other"]).await;
    socket.send(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 0 }).to_string()).await;
    publish(&mut publisher, "t", 401..=410, "live").await;
    publish(&mut publisher, "other", 411..=420, "live").await;
    let (mut last, mut others) = (0, 0);
    assert_eq!(socket.next().await["recovered"], true);
    while last < 410 || others < 10 {
        let message = socket.next().await;
        let (seq_no, of) = (
            message["seqNo"].as_u64().unwrap(),
            if message["topic"] == "t" { &mut last } else { &mut others },
        );
        assert_eq!(seq_no, *of + 1);
        *of = seq_no;
    }
}

#[tokio::test]
async fn a_replay_that_is_overtaken_by_the_limits_says_so() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_HISTORY__BYTES", "32MiB"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "400"),
    ]);
    let mut publisher = gateway.user("p", &[]).await;
    let payload = "x".repeat(60_000);
    publish(&mut publisher, "t", 1..=400, &payload).await;
    let mut socket = gateway.user("u", &[]).await;
    assert_eq!(subscribe(&mut socket, "t", 0, None).await["recovered"], true);
    publish(&mut publisher, "t", 401..=800, "y").await;
    let mut last = 0;
    let lost = loop {
        let frame = socket.next().await;
        if frame["type"] == "subscribed" {
            break frame;
        }
        assert_eq!(frame["seqNo"].as_u64(), Some(last + 1));
        last += 1;
    };
    assert!(last < 400);
    let head = lost["seqNo"].as_u64().unwrap();
    assert!(lost["recovered"] == false && head > 400, "{lost}");
    publish(&mut publisher, "t", 801..=802, "y").await;
    expect(&mut socket, head, 802).await;
}

#[tokio::test]
async fn replay_has_its_rate() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__REPLAY_RATE", "100")]);
    let mut socket = gateway.user("u", &[]).await;
    publish(&mut socket, "t", 1..=250, "x").await;
    let start = Instant::now();
    assert_eq!(subscribe(&mut socket, "t", 0, None).await["recovered"], true);
    socket
        .send(
            &json!({ "type": "publish", "topic": "t", "messageId": "live", "payload": null })
                .to_string(),
        )
        .await;
    let (mut last, mut acked) = (0, false);
    while last < 251 {
        let frame = socket.next().await;
        if frame["type"] == "ack" {
            acked = true;
            continue;
        }
        last += 1;
        assert_eq!(frame["seqNo"].as_u64(), Some(last));
    }
    assert!(acked);
    assert!(start.elapsed() >= Duration::from_millis(1450), "100 at once, 151 at 100 a second");
}

#[tokio::test]
async fn all_history_together_has_a_limit() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__TOTAL_BYTES", "8MiB")]);
    let mut socket = gateway.user("u", &[]).await;
    let payload = "x".repeat(50_000);
    let before = gateway.memory();
    for topic in 0..100 {
        publish(&mut socket, &format!("t{topic}"), topic * 10..topic * 10 + 10, &payload).await;
    }
    assert!(
        gateway.memory() < before + 24 * 1024 * 1024,
        "{} KiB more for 50 MB",
        (gateway.memory() - before) / 1024
    );
    assert_eq!(
        subscribe(&mut socket, "t99", 9, None).await["recovered"],
        true,
        "the newest of each is there"
    );
    expect(&mut socket, 9, 10).await;
    assert_eq!(
        subscribe(&mut socket, "t0", 5, None).await["recovered"],
        false,
        "and of none more than has room"
    );
}
