//! The reasons for which a connection ends: each close code, the frames before it, and that nothing
//! of the connection remains.

use crate::{
    gateway::Gateway,
    raw::{Raw, frame, text},
};
use serde_json::{Value, json};
use socket2::SockRef;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const SOON: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

fn stats(connections: u64, topics: u64, subscriptions: u64) -> Value {
    json!({ "connections": connections, "topics": topics, "subscriptions": subscriptions })
}

/// Sends `bytes` on a fresh connection and returns the code with which it is closed.
async fn code_for(gateway: &Gateway, bytes: &[u8]) -> u16 {
    let mut raw = Raw::open(gateway).await;
    raw.send(bytes).await;
    raw.close_code().await
}

#[tokio::test]
async fn what_is_not_the_protocol_is_closed_with_its_code() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    socket.message(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.closed().await.0, Some(1003));

    assert_eq!(code_for(&gateway, &frame(0x81, &[0xC3, 0x28])).await, 1007);
    let not_websocket: [&[u8]; 7] = [
        b"\x81\x02{}",
        &frame(0xC1, b"{}"),
        &frame(0x83, b"{}"),
        &frame(0x80, b"{}"),
        &frame(0x09, b"in fragments"),
        &frame(0x88, b"1"),
        &[frame(0x01, b"{"), frame(0x81, b"}")].concat(),
    ];
    for bytes in not_websocket {
        assert_eq!(code_for(&gateway, bytes).await, 1002, "{bytes:?}");
    }
    gateway.stats_become(stats(0, 0, 0), SOON).await;
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::open(&gateway).await;
    let empty = r#"{"type":"ping","pad":""}"#.len();
    raw.send(&text(r#"{"type":"setup","token":"u"}"#)).await;
    assert!(raw.next_text().await.contains("ready"));
    raw.send(&text(&format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(65_536 - empty)))).await;
    assert_eq!(raw.next_text().await, r#"{"type":"pong"}"#);

    let announced = [&[0x81, 0x80 | 127][..], &65_537u64.to_be_bytes(), &[0; 4]].concat();
    assert_eq!(code_for(&gateway, &announced).await, 1009, "by what it announces");
    let half = vec![b'x'; 32_769];
    assert_eq!(
        code_for(&gateway, &[frame(0x01, &half), frame(0x80, &half)].concat()).await,
        1009,
        "by what its fragments add up to"
    );
}

#[tokio::test]
async fn a_full_gateway_opens_and_closes_with_1013() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS", "1")]);
    let mut first = gateway.user("u", &[]).await;
    assert_eq!(gateway.connect("/ws").await.closed().await.0, Some(1013));
    assert_eq!(first.ask(&json!({ "type": "ping" })).await["type"], "pong");
    drop(first);
    gateway.stats_become(stats(0, 0, 0), SOON).await;
    gateway.user("v", &[]).await;
}

#[tokio::test]
async fn twenty_frames_in_a_row_that_are_not_understood() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    let broken = ["nonsense", "{}", r#"{"type":"shout"}"#];
    let codes = ["INVALID_JSON", "INVALID_MESSAGE", "UNKNOWN_TYPE"];
    for round in 0..3 {
        for i in 0..19 {
            socket.send(broken[i % 3]).await;
            assert_eq!(socket.next().await["code"], codes[i % 3]);
        }
        let good = if round == 0 {
            json!({ "type": "setup", "token": "u" })
        } else {
            json!({ "type": "ping" })
        };
        assert!(socket.ask(&good).await.get("code").is_none(), "the row is broken");
    }
    for i in 0..20 {
        socket.send(broken[i % 3]).await;
    }
    let (code, answers) = socket.closed().await;
    assert_eq!((code, answers.len()), (Some(4400), 20));
}

#[tokio::test]
async fn three_wrong_tokens() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    for _ in 0..3 {
        socket.send(r#"{"type":"setup","token":""}"#).await;
    }
    let (code, answers) = socket.closed().await;
    assert_eq!(code, Some(4401));
    assert_eq!(
        answers.iter().map(|answer| answer["code"].as_str()).collect::<Vec<_>>(),
        [Some("AUTH_FAILED"); 3]
    );
}

#[tokio::test]
async fn no_setup_in_time() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__SETUP", "200ms")]);
    let mut steady = gateway.user("u", &[]).await;
    let mut late = gateway.connect("/ws").await;
    late.send(r#"{"type":"ping"}"#).await;
    let (code, answers) = late.closed().await;
    assert_eq!((code, &answers[0]["code"]), (Some(4408), &json!("SETUP_REQUIRED")));
    assert_eq!(
        steady.ask(&json!({ "type": "ping" })).await["type"],
        "pong",
        "who is set up may stay"
    );
}

/// The silent client gets two pings and is closed; it is removed from the counts within two ping
/// intervals after its last sign of life. A client that answers stays connected meanwhile.
#[tokio::test]
async fn no_answer_to_pings() {
    let ping = Duration::from_millis(400);
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__PING", "400ms")]);
    let mut steady = gateway.user("steady", &["t"]).await;
    let mut silent = Raw::open(&gateway).await;
    silent.send(&text(r#"{"type":"setup","token":"silent","topics":["t"]}"#)).await;
    let listening = tokio::spawn(async move {
        while let Some(message) = steady.read().await {
            if matches!(message, Message::Text(_)) {
                return steady;
            }
        }
        panic!("the one that answers was closed");
    });
    assert!(silent.next_text().await.contains("subscribed"));
    gateway.stats_become(stats(1, 1, 1), 2 * ping + SOON / 10).await;
    assert!(silent.next_text().await.contains("ready"));
    assert_eq!((silent.next().await, silent.next().await), ((9, vec![]), (9, vec![])));
    assert_eq!(silent.close_code().await, 4408);
    gateway.get("/demo/publish/t").await;
    listening.await.unwrap();
}

#[tokio::test]
async fn the_clients_own_close_is_answered_and_ends_everything() {
    let gateway = Gateway::start(&[]);
    for code in [1000, 4000] {
        let mut socket = gateway.user("u", &["a", "b"]).await;
        gateway.stats_become(stats(1, 2, 2), SOON).await;
        socket
            .message(Message::Close(Some(CloseFrame {
                code: CloseCode::from(code),
                reason: "".into(),
            })))
            .await;
        assert_eq!(socket.closed().await.0, Some(code));
        gateway.stats_become(stats(0, 0, 0), SOON).await;
    }
    let mut raw = Raw::open(&gateway).await;
    raw.send(
        &[
            text(r#"{"type":"setup","token":"u"}"#),
            frame(0x88, b""),
            text(r#"{"type":"publish","topic":"t","messageId":"m","payload":null}"#),
        ]
        .concat(),
    )
    .await;
    assert!(raw.next_text().await.contains("ready"));
    assert_eq!(raw.close_code().await, 1000);
    assert_eq!(
        gateway.json("/demo/publish/t").await["seqNo"],
        1,
        "nothing behind a close frame counts"
    );
}

#[tokio::test]
async fn a_connection_that_just_ends() {
    let gateway = Gateway::start(&[]);
    for reset in [false, true] {
        let mut raw = Raw::open(&gateway).await;
        raw.send(&text(r#"{"type":"setup","token":"u","topics":["t"]}"#)).await;
        gateway.stats_become(stats(1, 1, 1), SOON).await;
        if reset {
            SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(raw);
        gateway.stats_become(stats(0, 0, 0), SOON).await;
    }
}

/// A client that stops reading is closed once too much waits for it; when it reads again, it finds
/// whole frames and then the reason. Other clients get everything.
#[tokio::test]
async fn a_slow_consumer() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "128KiB"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ]);
    let before = gateway.memory();
    let mut slow = Raw::open(&gateway).await;
    slow.send(&text(r#"{"type":"setup","token":"slow","topics":["t"]}"#)).await;
    assert!(slow.next_text().await.contains("subscribed"));
    assert!(slow.next_text().await.contains("ready"));
    let mut reader = gateway.user("reader", &["t"]).await;
    let mut publisher = gateway.user("publisher", &[]).await;
    let payload = "x".repeat(30_000);
    let mut published = 0;
    let mut closed_at = 0;
    // Long after it was closed, because messages that it does not read any more must not
    // accumulate.
    while closed_at == 0 || published * payload.len() < 32 * MIB {
        published += 1;
        assert!(published < 4000, "the slow one is never closed");
        let ack = publisher.ask(&json!({ "type": "publish", "topic": "t", "messageId": published.to_string(), "payload": payload })).await;
        assert_eq!(ack["seqNo"], published);
        assert_eq!(reader.next().await["seqNo"], published);
        if closed_at == 0 && gateway.json("/stats").await["subscriptions"] == 1 {
            closed_at = published;
        }
    }
    let grown = gateway.memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{} KiB more", grown / 1024);
    let mut seen = 0;
    let code = loop {
        match slow.next().await {
            (1, payload) => {
                seen += 1;
                let message: Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(message["seqNo"], seen);
            }
            (8, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 4290);
    assert!(0 < seen && seen < closed_at, "{seen} of {closed_at}");
}

#[tokio::test]
async fn a_process_that_is_asked_to_stop_says_goodbye() {
    let gateway = Gateway::start(&[]);
    let mut sockets = [gateway.user("u", &["t"]).await, gateway.connect("/ws").await];
    gateway.signal("TERM");
    for socket in &mut sockets {
        assert_eq!(socket.closed().await.0, Some(1001));
    }
    drop(sockets);
    assert!(gateway.ended());
}
