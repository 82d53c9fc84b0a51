//! The addresses of clients behind trusted proxies, seen at the limit of connections per address.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::gateway::{Gateway, Socket};

/// A connection from an address that a proxy (or a client that claims to be one) gives as
/// `forwarded`.
async fn from(gateway: &Gateway, forwarded: &str) -> Socket {
    let mut request = format!("ws://{}/ws", gateway.address).into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    gateway.open(request).await
}

/// Whether the gateway accepts the connection; a full one closes it with 1013.
async fn is_taken(socket: &mut Socket) -> bool {
    socket.send(r#"{"type":"setup","token":"u"}"#).await;
    match socket.read().await {
        Some(message) if message.is_text() => true,
        Some(message) if message.is_close() => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "1"),
        ("MICRO_SOCKET_ACCESS__TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8"),
    ]);
    let mut first = from(&gateway, "198.51.100.1").await;
    let mut other = from(&gateway, "198.51.100.2").await;
    assert!(is_taken(&mut first).await && is_taken(&mut other).await, "two clients");
    for same in [
        "198.51.100.1",
        "203.0.113.9, 198.51.100.1",
        "198.51.100.1, 10.0.0.7",
        "::ffff:198.51.100.1",
    ] {
        assert!(!is_taken(&mut from(&gateway, same).await).await, "{same}");
    }
    drop(first);
    gateway
        .stats_become(
            json!({ "connections": 1, "topics": 0, "subscriptions": 0 }),
            Duration::from_secs(20),
        )
        .await;
    assert!(is_taken(&mut from(&gateway, "198.51.100.1").await).await, "its place is free again");
}

#[tokio::test]
async fn others_are_not() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "1"),
        ("MICRO_SOCKET_ACCESS__TRUSTED_PROXIES", "10.0.0.0/8"),
    ]);
    let mut first = from(&gateway, "198.51.100.1").await;
    assert!(is_taken(&mut first).await);
    assert!(
        !is_taken(&mut from(&gateway, "198.51.100.2").await).await,
        "both come from this machine, whatever they say"
    );
}
