//! Sections 12 and 13 are about permessage-deflate, which the server does not offer: an offer is
//! ignored, as RFC 7692 demands, and a client that compresses nevertheless is closed. Also other
//! headers that a handshake may contain.

use crate::client::{Client, TEXT, close, frame, server};

#[tokio::test]
async fn no_extension_is_negotiated() {
    let server = server().await;
    let offers = [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover, permessage-deflate",
        "permessage-bzip2, x-webkit-deflate-frame",
        "not even, a \" valid; header;",
    ];
    for offer in offers {
        let mut client = Client::tcp(server).await;
        let head = client
            .handshake(&format!("Sec-WebSocket-Extensions: {offer}\r\n"))
            .await
            .to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{offer}: {head}");
        assert!(!head.contains("sec-websocket-extensions"), "{offer}: {head}");
        client.send_frame(&frame(TEXT, "as it is")).await;
        assert_eq!(client.next().await, frame(TEXT, "as it is"));
        client.send_frame(&frame(TEXT | 0x40, b"\xF2\x48\xCD\xC9\xC9\x07\x00")).await;
        assert_eq!(client.next().await.payload[..2], 1002u16.to_be_bytes());
        assert!(client.rest().await.is_empty());
    }
}

#[tokio::test]
async fn the_answer_of_rfc_6455() {
    let mut client = Client::tcp(server().await).await;
    let head = client
        .handshake("Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\n")
        .await
        .to_lowercase();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("http/1.1 101 switching protocols"));
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
    ] {
        assert_eq!(head.lines().filter(|other| *other == line).count(), 1, "{line} in {head}");
    }
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
}

#[tokio::test]
async fn frames_may_come_with_the_handshake() {
    let mut client = Client::tcp(server().await).await;
    let request = "GET / HTTP/1.1\r\nHost: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client
        .send(&[request.as_bytes(), &frame(TEXT, "early").masked(), &close(1001).masked()].concat())
        .await;
    let all = client.rest().await;
    let head = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(all.starts_with(b"HTTP/1.1 101 "));
    assert_eq!(all[head..], *b"\x81\x05early\x88\x02\x03\xE9");
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let mut client = Client::tcp(server().await).await;
    client.send(b"GET / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n").await;
    let answer = String::from_utf8(client.rest().await).unwrap().to_lowercase();
    assert!(
        answer.starts_with("http/1.1 400 ") && answer.contains("sec-websocket-version: 13\r\n"),
        "{answer}"
    );
}
