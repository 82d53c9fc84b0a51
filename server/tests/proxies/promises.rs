//! The guarantees that hold behind every proxy.

use serde_json::json;

use crate::issuer::{BY_SECRET, token};
use crate::shipped::Shipped;
use crate::site::{CLIENT, Kind, Site};

/// Metrics and probes are not reachable from outside, however their paths are written.
const INSIDE: [&str; 7] =
    ["/metrics", "/stats", "/healthz", "/readyz", "/metrics/", "//metrics", "/%6detrics"];

/// Pages, WebSockets and publishes work by the site's public name.
async fn serves(site: &Site, user: &str) {
    assert_eq!(site.get("/openapi.json").await.status(), 200);
    for path in INSIDE {
        let status = site.get(path).await.status();
        assert!(status == 403 || status == 404, "{path}: {status}");
    }
    // Larger than nginx allows by default (1 MiB).
    let large = vec![json!({ "topic": "large", "payload": "x".repeat(50_000) }); 30];
    assert_eq!(site.publish(&json!(large)).await.status(), 200);
    let mut socket = site.connect(CLIENT).await;
    socket.set_up(user, &["t"]).await;
    let publish = json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": "hello" });
    let frames = [socket.ask(&publish).await, socket.next().await];
    assert!(frames.iter().any(|frame| frame["status"] == "ok"), "{frames:?}");
    assert!(frames.iter().any(|frame| frame["data"] == "hello"), "{frames:?}");
}

pub(crate) async fn serves_in_demo_mode(kind: Kind) {
    let site = Site::start(kind, &[]).await;
    serves(&site, "ann").await;
    assert_eq!(site.get("/demo/publish/t?a=1").await.status(), 200);
}

pub(crate) async fn serves_in_jwt_mode(kind: Kind) {
    let all = [
        ("MICRO_SOCKET_ACCESS__DEFAULT_SUBSCRIBE", ">"),
        ("MICRO_SOCKET_ACCESS__DEFAULT_PUBLISH", ">"),
    ];
    let site = Site::start(kind, &[BY_SECRET, all].concat()).await;
    serves(&site, &token("ann", json!({}))).await;
}

/// The limit per address counts the proxy's clients, by the addresses that the proxy adds and not
/// by those that the clients claim.
pub(crate) async fn tells_clients_apart(kind: Kind) {
    let site = Site::start(kind, &[("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "1")]).await;
    let mut first = site.connect("127.0.0.3").await;
    let mut other = site.connect("127.0.0.4").await;
    first.set_up("ann", &[]).await;
    other.set_up("bob", &[]).await;
    assert_eq!(
        site.connect("127.0.0.3").await.closed().await.0,
        Some(1013),
        "a second one of the first address"
    );
}

/// The gateway's pings count for the proxy: a connection outlasts the proxy's read timeout of 2 s.
pub(crate) async fn keeps_idle_connections(kind: Kind) {
    let site = Site::start(kind, &[("MICRO_SOCKET_TIMEOUTS__PING", "1s")]).await;
    let mut socket = site.connect(CLIENT).await;
    socket.set_up("ann", &[]).await;
    for _ in 0..3 {
        let ping = socket.read().await.unwrap();
        assert!(ping.is_ping(), "{ping:?}");
    }
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await["type"],
        "subscribed"
    );
}

pub(crate) async fn lets_the_gateway_drain_and_come_back(kind: Kind) {
    let site = Site::start(kind, &[]).await;
    let mut socket = site.connect(CLIENT).await;
    socket.set_up("ann", &[]).await;
    site.stop();
    assert_eq!(socket.closed().await.0, Some(1001));
    // The gateway has to notice the end of the connection, too.
    drop(socket);
    let site = site.replace_gateway().await;
    serves(&site, "ann").await;
}

/// The proxy closes an idle connection to the gateway before the gateway does, so that no request
/// meets a connection that is closing.
pub(crate) fn closes_idle_connections_first(kind: Kind, key: &str) {
    let gateway = micro_socket::config::Config::default().timeouts.http.as_secs();
    assert!(Shipped::read(kind.file).seconds(key) + 5 <= gateway, "{key} of {}", kind.file);
}

/// The proxy's timeout for streams tolerates a ping of the gateway that is late.
pub(crate) fn waits_longer_than_for_a_ping(kind: Kind, key: &str) {
    let ping = micro_socket::config::Config::default().timeouts.ping.as_secs();
    assert!(Shipped::read(kind.file).seconds(key) >= 2 * ping, "{key} of {}", kind.file);
}
