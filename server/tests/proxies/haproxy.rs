//! `deploy/haproxy/haproxy.cfg`

use std::process::Command;

use crate::promises;
use crate::proxy::{Proxy, free_address};
use crate::shipped::Shipped;
use crate::site::Kind;

const HAPROXY: Kind = Kind { file: "haproxy/haproxy.cfg", adapt, start };

/// Shortens the timeout for idle streams so that a test can outlast it, and uses no more
/// descriptors than a test's process may have.
fn adapt(file: Shipped) -> Shipped {
    file.with("timeout tunnel 75s", "timeout tunnel 2s")
        .with("maxconn 100000", "maxconn 100")
        .with("check inter 2s", "check inter 200ms")
}

/// Runs without TLS.
fn start(file: Shipped) -> Proxy {
    let address = free_address();
    let folder = tempfile::tempdir().unwrap();
    let file =
        file.with("bind :443 ssl crt /etc/haproxy/rt.example.com.pem", &format!("bind {address}"));
    let configuration = folder.path().join("haproxy.cfg");
    std::fs::write(&configuration, file.text()).unwrap();
    let mut haproxy = Command::new("haproxy");
    haproxy.arg("-db").arg("-f").arg(configuration);
    Proxy::start(haproxy, address, folder)
}

#[tokio::test]
async fn serves_in_demo_mode() {
    promises::serves_in_demo_mode(HAPROXY).await;
}

#[tokio::test]
async fn serves_in_jwt_mode() {
    promises::serves_in_jwt_mode(HAPROXY).await;
}

#[tokio::test]
async fn tells_clients_apart() {
    promises::tells_clients_apart(HAPROXY).await;
}

#[tokio::test]
async fn keeps_idle_connections() {
    promises::keeps_idle_connections(HAPROXY).await;
}

#[tokio::test]
async fn lets_the_gateway_drain_and_come_back() {
    promises::lets_the_gateway_drain_and_come_back(HAPROXY).await;
}

#[test]
fn closes_idle_connections_first() {
    promises::closes_idle_connections_first(HAPROXY, "timeout http-keep-alive");
}

#[test]
fn waits_longer_than_for_a_ping() {
    promises::waits_longer_than_for_a_ping(HAPROXY, "timeout tunnel");
}
