//! `deploy/caddy/Caddyfile`

use std::process::Command;

use crate::promises;
use crate::proxy::{Proxy, free_address};
use crate::shipped::Shipped;
use crate::site::Kind;

const CADDY: Kind = Kind { file: "caddy/Caddyfile", adapt, start };

/// Makes health checks more frequent. Caddy has no timeout for idle streams.
fn adapt(file: Shipped) -> Shipped {
    file.with("health_interval 2s", "health_interval 200ms")
}

/// Runs without TLS and without Caddy's own interface.
fn start(file: Shipped) -> Proxy {
    let address = free_address();
    let folder = tempfile::tempdir().unwrap();
    let site = format!("http://rt.example.com:{} {{\n\tbind 127.0.0.1\n", address.port());
    let file = file.with("\nrt.example.com {\n", &format!("\n{{\n\tadmin off\n}}\n\n{site}"));
    let configuration = folder.path().join("Caddyfile");
    std::fs::write(&configuration, file.text()).unwrap();
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(configuration);
    caddy.env("HOME", folder.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
    Proxy::start(caddy, address, folder)
}

#[tokio::test]
async fn serves_in_demo_mode() {
    promises::serves_in_demo_mode(CADDY).await;
}

#[tokio::test]
async fn serves_in_jwt_mode() {
    promises::serves_in_jwt_mode(CADDY).await;
}

#[tokio::test]
async fn tells_clients_apart() {
    promises::tells_clients_apart(CADDY).await;
}

#[tokio::test]
async fn keeps_idle_connections() {
    promises::keeps_idle_connections(CADDY).await;
}

#[tokio::test]
async fn lets_the_gateway_drain_and_come_back() {
    promises::lets_the_gateway_drain_and_come_back(CADDY).await;
}

#[test]
fn closes_idle_connections_first() {
    promises::closes_idle_connections_first(CADDY, "keepalive");
}
