//! The subprotocol with which a WebSocket opens, and invalid opening handshakes that must be
//! refused.

use crate::gateway::Gateway;
use crate::handshake::problem;
use crate::raw::{Raw, opening};

/// The connection after an opening handshake with these additional header lines, and the head of
/// the answer.
async fn open(gateway: &Gateway, lines: &str) -> (Raw, String) {
    let mut raw = Raw::tcp(gateway).await;
    raw.send(opening("/ws").replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n")).as_bytes()).await;
    let head = raw.head().await.to_lowercase();
    (raw, head)
}

async fn assert_refused(gateway: &Gateway, lines: &str) {
    let (mut raw, head) = open(gateway, lines).await;
    assert!(head.starts_with("http/1.1 400 "), "{lines}: {head}");
    assert_eq!(problem(&mut raw, &head).await["code"], "NOT_A_WEBSOCKET", "{lines}");
}

#[tokio::test]
async fn one_of_those_offered_is_chosen() {
    let gateway = Gateway::start(&[]);
    for (offer, chosen) in [
        ("micro-socket.v1", Some("micro-socket.v1")),
        ("chat, micro-socket.v1", Some("micro-socket.v1")),
        ("chat\r\nSec-WebSocket-Protocol: micro-socket.v1", Some("micro-socket.v1")),
        ("micro-socket.v2, chat, other", Some("chat")),
        ("chat", Some("chat")),
        ("micro-socket.v2", None),
    ] {
        let (_, head) = open(&gateway, &format!("Sec-WebSocket-Protocol: {offer}")).await;
        assert!(head.starts_with("http/1.1 101 "), "{offer}: {head}");
        let found: Vec<&str> =
            head.lines().filter_map(|line| line.strip_prefix("sec-websocket-protocol: ")).collect();
        assert_eq!(found, chosen.into_iter().collect::<Vec<_>>(), "{offer}");
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_refused() {
    let gateway = Gateway::start(&[]);
    for offer in ["a b", "\"chat\"", "chat;q=1", ",", "", "chat, (x)", "a/b"] {
        assert_refused(&gateway, &format!("Sec-WebSocket-Protocol: {offer}")).await;
    }
}

#[tokio::test]
async fn what_must_come_once_is_refused_twice() {
    let gateway = Gateway::start(&[]);
    for line in [
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8",
    ] {
        assert_refused(&gateway, line).await;
    }
}

#[tokio::test]
async fn a_body_is_refused() {
    let gateway = Gateway::start(&[]);
    for lines in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ] {
        assert_refused(&gateway, lines).await;
    }
    let (_, head) = open(&gateway, "Content-Length: 0").await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
}
