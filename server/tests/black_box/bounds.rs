//! The limits of one connection, of one user, and of all connections that are not set up: memory,
//! frames, time.

use crate::{
    gateway::{Gateway, Socket},
    raw::{Raw, frame, text},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt, task::JoinHandle};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

const SOON: Duration = Duration::from_secs(10);
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const SETUP: &str = r#"{"type":"setup","token":"u"}"#;
const PING: &str = r#"{"type":"ping"}"#;
const PONG: &str = r#"{"type":"pong"}"#;

async fn set_up(gateway: &Gateway) -> Raw {
    let mut raw = Raw::open(gateway).await;
    raw.send(&text(SETUP)).await;
    assert!(raw.next_text().await.contains("ready"));
    raw
}

#[tokio::test]
async fn a_message_that_does_not_end_in_time() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__MESSAGE", "300ms")]);
    let whole = text(PING);
    let mut stays = set_up(&gateway).await;
    for (is_set_up, bytes) in [
        (true, &whole[..5]),
        (true, &frame(0x01, b"{")),
        (false, &whole[..1]),
        (true, &frame(0x89, b"12345")[..7]),
    ] {
        let mut raw = if is_set_up { set_up(&gateway).await } else { Raw::open(&gateway).await };
        raw.send(bytes).await;
        assert_eq!(raw.close_code().await, 4408, "{bytes:?}");
    }
    stays.send(&whole).await;
    assert_eq!(stays.next_text().await, PONG, "a client that sends whole messages may stay");
}

#[tokio::test]
async fn a_message_before_setup_is_small_and_one_behind_it_is_not() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_FRAME", "1MiB")]);
    let padded = |len: usize| text(&format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(len)));
    let mut raw = Raw::open(&gateway).await;
    raw.send(&padded(64 * KIB)).await;
    assert_eq!(raw.close_code().await, 1009);

    let mut raw = Raw::open(&gateway).await;
    let half = vec![b' '; 40 * KIB];
    raw.send(&[frame(0x01, &half), frame(0x00, &half)].concat()).await;
    assert_eq!(raw.close_code().await, 1009, "fragments add up");

    let mut raw = Raw::open(&gateway).await;
    raw.send(&[text(SETUP), padded(900 * KIB)].concat()).await;
    assert!(raw.next_text().await.contains("ready"));
    assert_eq!(
        raw.next_text().await,
        PONG,
        "pipelined behind a good setup, it may be as large as max_frame says"
    );
}

async fn unfinished_bytes(gateway: &Gateway) -> f64 {
    gateway.metrics().await["micro_socket_unfinished_bytes"]
}

/// Waits until the gateway has read the bytes that clients have sent.
async fn unfinished_becomes(gateway: &Gateway, holds: impl Fn(f64) -> bool) {
    let began = Instant::now();
    while !holds(unfinished_bytes(gateway).await) {
        assert!(began.elapsed() < SOON, "{} bytes", unfinished_bytes(gateway).await);
        // The gateway sends no event when it has read something, so ask again.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn unfinished_messages_before_setup_take_so_much_together() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__UNFINISHED_BYTES", "100KiB")]);
    let part = &text(&"x".repeat(60 * KIB))[..30 * KIB];
    let mut known = set_up(&gateway).await;
    known.send(part).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let before = unfinished_bytes(&gateway).await;
        let mut raw = Raw::open(&gateway).await;
        raw.send(part).await;
        unfinished_becomes(&gateway, |bytes| bytes >= before + part.len() as f64).await;
        waiting.push(raw);
    }
    let mut one_more = Raw::open(&gateway).await;
    one_more.send(part).await;
    let (opcode, close) = waiting.remove(0).next().await;
    assert_eq!(
        (opcode, u16::from_be_bytes([close[0], close[1]])),
        (8, 4408),
        "the first of them has to go"
    );
    assert!(String::from_utf8_lossy(&close[2..]).contains("unfinished_bytes"), "and knows why");
    assert!(unfinished_bytes(&gateway).await <= 100.0 * KIB as f64);
    for mut raw in waiting {
        raw.send(&text(&"x".repeat(60 * KIB))[30 * KIB..]).await;
        assert!(raw.next_text().await.contains("INVALID_JSON"), "the others may end theirs");
    }
    drop(one_more);
    unfinished_becomes(&gateway, |bytes| bytes == 0.0).await;
    known.send(&text(&"x".repeat(60 * KIB))[30 * KIB..]).await;
    assert!(
        known.next_text().await.contains("INVALID_JSON"),
        "a client that is set up is not among them"
    );
}

#[tokio::test]
async fn a_client_above_the_frame_rate_is_read_later() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__FRAME_RATE", "20"),
        ("MICRO_SOCKET_TIMEOUTS__PING", "200ms"),
    ]);
    let mut raw = set_up(&gateway).await;
    let began = Instant::now();
    let numbers: Vec<[u8; 1]> = (0..50).map(|number| [number]).collect();
    raw.send(&numbers.iter().flat_map(|number| frame(0x89, number)).collect::<Vec<u8>>()).await;
    let mut pings = 0;
    for number in numbers {
        // It answers no ping, but the gateway has not read all its frames yet.
        let payload = loop {
            match raw.next().await {
                (9, _) => pings += 1,
                (10, payload) => break payload,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(payload, number, "all of them, in their order");
    }
    assert!(
        began.elapsed() > Duration::from_millis(1400),
        "29 of them above the rate, in {:?}",
        began.elapsed()
    );
    assert!(pings >= 2, "the gateway's own pings go on");
    assert!(
        gateway.metrics().await[r#"micro_socket_paused_reads_total{reason="frame_rate"}"#] >= 1.0
    );
}

/// A client that never answers a ping, but sends another byte each time.
#[tokio::test]
async fn any_byte_is_a_sign_of_life() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__PING", "400ms")]);
    let mut raw = set_up(&gateway).await;
    for _ in 0..5 {
        while raw.next().await.0 != 9 {}
        raw.send(&text(PING)).await;
        assert_eq!(raw.next_text().await, PONG);
    }
    assert_eq!(raw.close_code().await, 4408, "it stays as long as something comes");
}

#[tokio::test]
async fn a_user_has_so_many_connections() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_USER", "2")]);
    let mut first = gateway.user("ann", &[]).await;
    let second = gateway.user("ann", &[]).await;
    let mut third = gateway.connect("/ws").await;
    third.send(r#"{"type":"setup","token":"ann"}"#).await;
    let (code, reason) = closed(&mut third).await;
    assert_eq!(code, 1013);
    assert!(reason.contains("max_connections_per_user"), "{reason}");
    let metrics = gateway.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains(r#"micro_socket_refused_connections_total{reason="per_user"} 1"#),
        "{metrics}"
    );
    gateway.user("bob", &[]).await;
    assert_eq!(first.ask(&json!({ "type": "ping" })).await["type"], "pong");
    drop(second);
    gateway.stats_become(json!({ "connections": 1, "topics": 0, "subscriptions": 0 }), SOON).await;

    let mut ends_its_session = gateway.user("ann", &[]).await;
    ends_its_session
        .message(Message::Close(Some(CloseFrame { code: 4000.into(), reason: "".into() })))
        .await;
    assert_eq!(ends_its_session.closed().await.0, Some(4000));
    gateway.user("ann", &[]).await;
}

/// The next message must be a close: its code and reason.
async fn closed(socket: &mut Socket) -> (u16, String) {
    match socket.read().await {
        Some(Message::Close(Some(close))) => (close.code.into(), close.reason.as_str().to_owned()),
        other => panic!("{other:?}"),
    }
}

/// Publishes `count` messages of `bytes` each to `topic`.
async fn publish(gateway: &Gateway, topic: &str, count: usize, bytes: usize) {
    let mut socket = gateway.user("publisher", &[]).await;
    let payload = "x".repeat(bytes);
    for i in 0..count {
        let frame = json!({ "type": "publish", "topic": topic, "messageId": i.to_string(), "payload": payload });
        assert_eq!(socket.ask(&frame).await["status"], "ok");
    }
}

/// Asks for the whole history and reads it.
async fn replay(socket: &mut Socket, topic: &str, count: u64) {
    let answer = socket.ask(&json!({ "type": "subscribe", "topic": topic, "lastSeq": 0 })).await;
    assert_eq!(answer["recovered"], json!(true));
    for number in 1..=count {
        assert_eq!(socket.next().await["seqNo"], json!(number));
    }
}

#[tokio::test]
async fn asking_for_replays_over_and_over_costs_the_client() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__REPLAY_BYTES", "200KiB")]);
    publish(&gateway, "t", 10, 10 * KIB).await;
    let mut socket = gateway.user("u", &[]).await;
    let began = Instant::now();
    for _ in 0..6 {
        replay(&mut socket, "t", 10).await;
        assert_eq!(
            socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await["type"],
            "unsubscribed"
        );
    }
    // 600 KiB, of which the first 200 KiB are sent at once.
    assert!(began.elapsed() > Duration::from_millis(1900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_users_replays_share_a_rate_whatever_the_connections() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__REPLAY_BYTES", "100KiB")]);
    publish(&gateway, "t", 10, 10 * KIB).await;
    let mut other = gateway.user("other", &[]).await;
    let began = Instant::now();
    // Each replay uses a whole second's rate, on a connection of its own; four of them are sent at
    // once.
    for _ in 0..12 {
        let mut socket = gateway.user("u", &[]).await;
        replay(&mut socket, "t", 10).await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1900), "{took:?}");
    replay(&mut other, "t", 10).await;
}

/// Clients that send 64 KiB of frames at a time and read nothing.
#[tokio::test]
async fn answers_that_are_not_read_are_bounded_before_setup_too() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__SEND_QUEUE", "256KiB")]);
    let mut calm = gateway.user("calm", &[]).await;
    let before = gateway.memory();
    let kinds = [frame(0x89, &[]), text(PING), text(r#"{"type":"subscribe","topic":""}"#)];
    let mut sending = Vec::new();
    for frame in kinds {
        let mut raw = Raw::narrow(&gateway).await;
        let bytes = frame.repeat(64 * KIB / frame.len());
        sending
            .push(tokio::spawn(async move { while raw.stream.write_all(&bytes).await.is_ok() {} }));
    }
    gateway
        .stats_become(json!({ "connections": 1, "topics": 0, "subscriptions": 0 }), 3 * SOON)
        .await;
    assert!(
        gateway.memory() < before + 16 * MIB,
        "{} KiB more",
        gateway.memory().saturating_sub(before) / KIB
    );
    assert_eq!(gateway.metrics().await[r#"micro_socket_closes_total{code="4290"}"#], 3.0);
    assert_eq!(calm.ask(&json!({ "type": "ping" })).await["type"], "pong");
    sending.iter().for_each(JoinHandle::abort);
}
