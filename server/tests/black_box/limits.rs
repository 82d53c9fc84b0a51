//! Limits on how fast a client may publish, and that clients which do not read do not slow down the
//! others.

use crate::gateway::{Gateway, Socket};
use crate::raw::{Raw, text};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

fn publish(id: usize) -> Value {
    json!({ "type": "publish", "topic": "t", "messageId": id.to_string(), "payload": null })
}

async fn answers(socket: &mut Socket, ids: std::ops::Range<usize>) -> Vec<Value> {
    let frames: Vec<_> = ids.map(publish).collect();
    socket.pipeline(&frames).await;
    let mut answers = Vec::new();
    for _ in &frames {
        answers.push(socket.next().await);
    }
    answers
}

#[tokio::test]
async fn publishes_have_a_rate_and_a_burst() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__PUBLISH_RATE", "2"),
        ("MICRO_SOCKET_LIMITS__PUBLISH_BURST", "5"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    let start = Instant::now();
    let answers = answers(&mut socket, 0..20).await;
    let taken = answers.iter().filter(|answer| answer["status"] == "ok").count();
    assert!(taken >= 5 && (taken as f64) <= 5.0 + 2.0 * start.elapsed().as_secs_f64(), "{taken}");
    let refused = answers.last().unwrap();
    assert_eq!(
        (&refused["code"], &refused["topic"], &refused["messageId"]),
        (&json!("RATE_LIMITED"), &json!("t"), &json!("19"))
    );
    let wait = refused["retryAfterMs"].as_u64().unwrap();
    assert!((1..=501).contains(&wait), "{wait}");
    // The test is about the delay that the gateway asks for, so it waits for it.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    assert_eq!(
        socket.ask(&publish(19)).await["status"],
        "ok",
        "nothing was claimed by the refused one"
    );
    assert_eq!(
        gateway.user("other", &[]).await.ask(&publish(0)).await["status"],
        "ok",
        "each connection has its own"
    );
}

#[tokio::test]
async fn too_many_refusals_in_a_row_end_the_connection_with_4429() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__PUBLISH_RATE", "1"),
        ("MICRO_SOCKET_LIMITS__PUBLISH_BURST", "1"),
        ("MICRO_SOCKET_LIMITS__RATE_REFUSALS", "10"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    socket.pipeline(&(0..11).map(publish).collect::<Vec<_>>()).await;
    let (code, frames) = socket.closed().await;
    assert_eq!(code, Some(4429));
    assert_eq!(frames.iter().filter(|frame| frame["code"] == "RATE_LIMITED").count(), 10);
}

/// 100 clients that do not read, and a topic at full rate: they are closed one by one, memory stays
/// bounded, and a client that reads misses no message.
#[tokio::test]
async fn readers_that_stand_still_cost_the_others_nothing() {
    const STALLED: usize = 100;
    const MESSAGES: usize = 4_000;
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "64KiB"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ]);
    let mut stalled = Vec::new();
    for i in 0..STALLED {
        let mut raw = Raw::narrow(&gateway).await;
        raw.send(&text(
            &json!({ "type": "setup", "token": format!("stalled {i}"), "topics": ["t"] })
                .to_string(),
        ))
        .await;
        while !raw.next_text().await.contains("\"ready\"") {}
        stalled.push(raw);
    }
    let mut reader = gateway.user("reader", &["t"]).await;
    let before = gateway.memory();
    let mut publisher = gateway.user("publisher", &[]).await;
    let publishing = tokio::spawn(async move {
        let payload = "x".repeat(2_000);
        for batch in 0..MESSAGES / 20 {
            let frames: Vec<_> = (0..20)
                .map(|i| json!({ "type": "publish", "topic": "t", "messageId": format!("{batch}/{i}"), "payload": payload }))
                .collect();
            publisher.pipeline(&frames).await;
            for _ in 0..20 {
                assert_eq!(publisher.next().await["status"], "ok");
            }
        }
    });
    for seq_no in 1..=MESSAGES {
        assert_eq!(reader.next().await["seqNo"], seq_no);
    }
    publishing.await.unwrap();
    let most = before + STALLED * 2 * 64 * 1024 + 16 * MIB;
    assert!(gateway.memory() < most, "{} MiB more", (gateway.memory() - before) / MIB);
    gateway
        .stats_become(
            json!({ "connections": 1, "topics": 1, "subscriptions": 1 }),
            Duration::from_secs(20),
        )
        .await;
    let mut codes = Vec::new();
    for mut raw in stalled {
        codes.extend(tokio::time::timeout(Duration::from_secs(10), raw.end_code()).await.unwrap());
    }
    assert!(codes.iter().all(|code| *code == 4290), "{codes:?}");
}
