//! `deploy/nginx/micro-socket.conf`

use std::process::Command;

use crate::promises;
use crate::proxy::{Proxy, free_address};
use crate::shipped::Shipped;
use crate::site::Kind;

const NGINX: Kind = Kind { file: "nginx/micro-socket.conf", adapt, start };

/// Removes TLS, and shortens the timeouts for idle connections so that a test can outlast them.
fn adapt(file: Shipped) -> Shipped {
    file.with("listen [::]:443 ssl;", "")
        .with("ssl_certificate     /etc/ssl/rt.example.com.pem;", "")
        .with("ssl_certificate_key /etc/ssl/rt.example.com.key;", "")
        .with("proxy_read_timeout 75s;", "proxy_read_timeout 2s;")
        .with("proxy_send_timeout 75s;", "proxy_send_timeout 2s;")
}

/// Runs one process, so that it can be ended by its id.
fn start(file: Shipped) -> Proxy {
    let address = free_address();
    let folder = tempfile::tempdir().unwrap();
    let site = file.with("listen 443 ssl;", &format!("listen {address};"));
    std::fs::write(folder.path().join("micro-socket.conf"), site.text()).unwrap();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {name};"))
        .concat();
    let main = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; {paths} include micro-socket.conf; }}"
    );
    let configuration = folder.path().join("nginx.conf");
    std::fs::write(&configuration, main).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(folder.path()).arg("-c").arg(configuration);
    Proxy::start(nginx, address, folder)
}

#[tokio::test]
async fn serves_in_demo_mode() {
    promises::serves_in_demo_mode(NGINX).await;
}

#[tokio::test]
async fn serves_in_jwt_mode() {
    promises::serves_in_jwt_mode(NGINX).await;
}

#[tokio::test]
async fn tells_clients_apart() {
    promises::tells_clients_apart(NGINX).await;
}

#[tokio::test]
async fn keeps_idle_connections() {
    promises::keeps_idle_connections(NGINX).await;
}

#[tokio::test]
async fn lets_the_gateway_drain_and_come_back() {
    promises::lets_the_gateway_drain_and_come_back(NGINX).await;
}

#[test]
fn closes_idle_connections_first() {
    promises::closes_idle_connections_first(NGINX, "keepalive_timeout");
}

#[test]
fn waits_longer_than_for_a_ping() {
    promises::waits_longer_than_for_a_ping(NGINX, "proxy_read_timeout");
}
