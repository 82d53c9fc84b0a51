//! Slow HTTP clients: those that delay a request, its header, or reading the answer.

use crate::gateway::Gateway;
use crate::http1::{get, on};
use crate::raw::{Raw, narrow};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

const SOON: Duration = Duration::from_secs(20);

/// Waits until the asking connection is the only one.
async fn is_alone(gateway: &Gateway) {
    let alone = async {
        while gateway.metrics().await["micro_socket_http_connections"] > 1.0 {
            // The gateway sends no event when it has noticed another connection's end, so ask
            // again.
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, alone).await.expect("the others are let go");
}

async fn end(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    rest
}

#[tokio::test]
async fn answers_that_are_not_read_let_their_connections_go() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__HTTP", "300ms")]);
    let mut unread = Vec::new();
    for path in ["/docs", "/openapi.json", "/asyncapi.json", "/metrics"] {
        let mut stream = narrow(&gateway).await;
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(100).as_bytes(),
            )
            .await
            .unwrap();
        unread.push(stream);
    }
    is_alone(&gateway).await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_TIMEOUTS__HTTP", "10m"),
        ("MICRO_SOCKET_TIMEOUTS__SETUP", "300ms"),
    ]);
    assert_eq!(end(&mut on(&gateway.address).await).await, b"");
    let mut kept = on(&gateway.address).await;
    assert!(get(&mut kept, "/healthz", "").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(end(&mut on(&gateway.address).await).await, b"", "as long as the first one had");
    assert!(
        get(&mut kept, "/healthz", "").await.starts_with("HTTP/1.1 200 "),
        "kept alive for longer"
    );
}

#[tokio::test]
async fn idle_keep_alive_ends() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__HTTP", "300ms")]);
    let mut stream = on(&gateway.address).await;
    for _ in 0..2 {
        assert!(get(&mut stream, "/healthz", "").await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(end(&mut stream).await, b"");
}

#[tokio::test]
async fn a_header_that_comes_slowly_is_not_waited_for() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__SETUP", "300ms")]);
    let mut stream = on(&gateway.address).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let sending = async {
        while stream.write_all(b"x: y\r\n").await.is_ok() {
            // The attack sends a few bytes at a time.
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, sending).await.expect("the gateway closes it");
    is_alone(&gateway).await;
}

#[tokio::test]
async fn a_header_that_is_too_large_is_told_so() {
    let gateway = Gateway::start(&[]);
    for header in [format!("x: {}", "y".repeat(100_000)), "x: y\r\n".repeat(5_000)] {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(
            format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n").as_bytes(),
        )
        .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
    }
    let fits = format!("x: {}\r\n", "y".repeat(15_000));
    assert!(
        get(&mut on(&gateway.address).await, "/healthz", &fits).await.starts_with("HTTP/1.1 200 ")
    );
}
