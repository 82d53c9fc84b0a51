//! The opening handshake of a WebSocket, and bytes that arrive in several ways.

use crate::{
    gateway::Gateway,
    raw::{Raw, frame, opening, text},
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const SETUP: &str = r#"{"type":"setup","token":"u"}"#;

/// The body of the error whose head is `head`.
pub(crate) async fn problem(raw: &mut Raw, head: &str) -> Value {
    let head = head.to_lowercase();
    assert!(head.contains("content-type: application/problem+json\r\n"), "{head}");
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; len.parse().unwrap()];
    raw.stream.read_exact(&mut body).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn the_topic_of_the_url_is_percent_decoded() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/a%2Fb%20%C3%A4").await;
    assert_eq!(socket.ask(&json!({ "type": "setup", "token": "u" })).await["topic"], "a/b ä");
    let mut raw = Raw::tcp(&gateway).await;
    raw.send(opening("/ws/sub/%FF").as_bytes()).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 400 "));
    assert_eq!(problem(&mut raw, &head).await["code"], "INVALID_TOPIC");
}

#[tokio::test]
async fn what_is_no_opening_handshake_is_told_so() {
    let gateway = Gateway::start(&[]);
    let good = opening("/ws");
    let cases = [
        (good.replace("Connection: Upgrade\r\n", ""), "400"),
        (good.replace("Upgrade: websocket\r\n", ""), "400"),
        (good.replace("Version: 13", "Version: 8"), "400"),
        (good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "400"),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "400"),
        (good.replace("GET", "POST"), "405"),
        (good.replace("\r\n\r\n", "\r\nOrigin: https://elsewhere.example\r\n\r\n"), "403"),
        (good.replace("\r\n\r\n", "\r\nOrigin: http://localhost:5173\r\n\r\n"), "101"),
        (good.replace("\r\n\r\n", "\r\nOrigin: http://localhost\r\n\r\n"), "101"),
        (good.replace("Connection: Upgrade", "Connection: keep-alive, upgrade"), "101"),
    ];
    for (request, status) in cases {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(request.as_bytes()).await;
        let head = raw.head().await;
        assert_eq!(head.split(' ').nth(1), Some(status), "{request}");
        let code = match status {
            "400" => "NOT_A_WEBSOCKET",
            "403" => "FORBIDDEN",
            "405" => "METHOD_NOT_ALLOWED",
            _ => continue,
        };
        assert_eq!(problem(&mut raw, &head).await["code"], code, "{request}");
        assert!(
            !request.contains("Version: 8")
                || head.to_lowercase().contains("sec-websocket-version: 13")
        );
    }
}

#[tokio::test]
async fn no_extension_is_negotiated() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::tcp(&gateway).await;
    let offer = "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    raw.send(opening("/ws").replace("\r\n\r\n", offer).as_bytes()).await;
    let head = raw.head().await.to_lowercase();
    assert!(
        head.starts_with("http/1.1 101 ") && !head.contains("sec-websocket-extensions"),
        "{head}"
    );
    raw.send(&frame(0xC1, SETUP.as_bytes())).await;
    assert_eq!(raw.close_code().await, 1002);
}

#[tokio::test]
async fn frames_may_come_with_the_handshake() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::tcp(&gateway).await;
    raw.send(
        &[opening("/ws/sub/t").as_bytes(), &text(SETUP), &text(r#"{"type":"ping"}"#)].concat(),
    )
    .await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    for part in ["subscribed", "ready", "pong"] {
        assert!(raw.next_text().await.contains(part));
    }
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::tcp(&gateway).await;
    raw.stream.set_nodelay(true).unwrap();
    for byte in [
        opening("/ws/sub/t").as_bytes(),
        &text(SETUP),
        &text(r#"{"type":"publish","topic":"t","messageId":"m","payload":null}"#),
    ]
    .concat()
    {
        raw.send(&[byte]).await;
    }
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    for part in ["subscribed", "ready", "ack", "message"] {
        assert!(raw.next_text().await.contains(part));
    }
}

#[tokio::test]
async fn fragments_with_a_ping_between() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::open(&gateway).await;
    let (first, last) = SETUP.as_bytes().split_at(10);
    raw.send(
        &[frame(0x01, first), frame(0x89, b"are you there?"), frame(0x00, b""), frame(0x80, last)]
            .concat(),
    )
    .await;
    assert_eq!(raw.next().await, (10, b"are you there?".to_vec()));
    assert!(raw.next_text().await.contains("ready"));
}

#[tokio::test]
async fn a_header_that_takes_too_long_is_cut_off() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__SETUP", "200ms")]);
    let mut raw = Raw::tcp(&gateway).await;
    raw.send(b"GET /ws HTTP/1.1\r\nHost: gate").await;
    let mut rest = Vec::new();
    let read =
        tokio::time::timeout(std::time::Duration::from_secs(10), raw.stream.read_to_end(&mut rest))
            .await;
    assert!(read.is_ok(), "the connection is still open");
}
