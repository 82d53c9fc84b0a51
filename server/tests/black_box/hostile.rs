//! Malicious clients: the gateway continues to serve, forgets them, and its memory stays bounded.

use crate::{
    gateway::Gateway,
    raw::{Raw, frame, text},
};
use serde_json::json;
use socket2::SockRef;
use std::{io::Write, sync::Arc, time::Duration};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(15);
const MIB: usize = 1024 * 1024;
const SETUP: &str = r#"{"type":"setup","token":"u","topics":["t"]}"#;

/// Numbers that look random and are the same in each run (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

#[tokio::test]
async fn garbage() {
    let gateway = Gateway::start(&[]);
    let mut noise = Noise(0x2026_1124);
    for round in 0..200 {
        let mut raw = Raw::open(&gateway).await;
        if round % 2 == 0 {
            raw.send(&text(SETUP)).await;
        }
        for _ in 0..5 {
            let len = (noise.next() % 300) as usize;
            let bytes = noise.bytes(len);
            let sent = if round % 3 == 0 {
                bytes
            } else {
                frame([0x81, 0x82, 0x89, 0x8A, 0x01, 0x80][len % 6], &bytes)
            };
            // The connection was closed already, for earlier bytes.
            if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &sent).await.is_err() {
                break;
            }
        }
    }
    gateway.stats_become(json!({ "connections": 0, "topics": 0, "subscriptions": 0 }), SOON).await;
    let mut socket = gateway.user("u", &["t"]).await;
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong");
}

#[tokio::test]
async fn connections_that_come_and_vanish_while_others_publish() {
    let gateway = Arc::new(Gateway::start(&[]));
    let mut steady = gateway.user("steady", &["t"]).await;
    let publishing = {
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let mut socket = gateway.user("publisher", &[]).await;
            for i in 1..=2000 {
                assert_eq!(
                    socket.ask(&json!({ "type": "publish", "topic": "t", "messageId": i.to_string(), "payload": null })).await["seqNo"],
                    i
                );
            }
        })
    };
    let reading = tokio::spawn(async move {
        for i in 1..=2000 {
            assert_eq!(steady.next().await["seqNo"], i);
        }
        steady
    });
    for i in 0..300 {
        let mut raw = Raw::open(&gateway).await;
        raw.send(&text(SETUP)).await;
        if i % 2 == 0 {
            SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        if i % 3 == 0 {
            raw.next_text().await;
        }
    }
    publishing.await.unwrap();
    let _steady = reading.await.unwrap();
    gateway.stats_become(json!({ "connections": 1, "topics": 1, "subscriptions": 1 }), SOON).await;
}

/// Sends frames again and again without reading, until the gateway takes no more. Then reads on: it
/// gets whole frames, and the reason for which it was closed.
async fn send_without_reading(
    gateway: &Gateway,
    frames: impl Fn(usize) -> Vec<u8> + Send + 'static,
) {
    let mut raw = Raw::open(gateway).await;
    raw.send(&text(r#"{"type":"setup","token":"u"}"#)).await;
    assert!(raw.next_text().await.contains("ready"));
    let before = gateway.memory();
    let stream = raw.stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let sending = tokio::task::spawn_blocking(move || {
        for batch in 0..2000 {
            let bytes: Vec<u8> = (0..100).flat_map(|i| frames(batch * 100 + i)).collect();
            if (&stream).write_all(&bytes).is_err() {
                return stream;
            }
        }
        panic!("it could send for ever");
    });
    gateway
        .stats_become(
            json!({ "connections": 0, "topics": 0, "subscriptions": 0 }),
            Duration::from_secs(30),
        )
        .await;
    let stream = sending.await.unwrap();
    assert!(gateway.memory() < before + 32 * MIB, "{} MiB more", (gateway.memory() - before) / MIB);
    stream.set_nonblocking(true).unwrap();
    let mut raw = Raw { stream: TcpStream::from_std(stream).unwrap() };
    assert_eq!(raw.close_code().await, 4290);
}

#[tokio::test]
async fn publishing_without_reading_the_answers() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_DEDUP__MAX_KEYS", "1000")]);
    let topic = "t".repeat(256);
    let publish = move |i| {
        text(&json!({ "type": "publish", "topic": topic, "messageId": format!("{i:0128}"), "payload": null }).to_string())
    };
    send_without_reading(&gateway, publish).await;
}

#[tokio::test]
async fn pinging_without_reading_the_answers() {
    let gateway = Gateway::start(&[]);
    send_without_reading(&gateway, |_| frame(0x89, &[b'x'; 125])).await;
}

#[tokio::test]
async fn topics_and_message_ids_without_end() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_TOPICS", "100"),
        ("MICRO_SOCKET_DEDUP__MAX_KEYS", "1000"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    let before = gateway.memory();
    for batch in 0..100 {
        let frames: Vec<_> = (0..200)
            .map(|i| json!({ "type": "publish", "topic": format!("{batch}/{i}/{}", "x".repeat(200)), "messageId": format!("{batch}/{i}/{}", "x".repeat(100)), "payload": null }))
            .collect();
        socket.pipeline(&frames).await;
        for _ in &frames {
            assert_eq!(socket.next().await["status"], "ok");
        }
    }
    assert!(gateway.memory() < before + 8 * MIB, "{} KiB more", (gateway.memory() - before) / 1024);
}
