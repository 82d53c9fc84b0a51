//! `deploy/nginx/micro-socket.conf`, and `deploy/compose/nginx.conf` before a fleet.

use std::process::Command;

use tokio::net::TcpStream;

use crate::gateway::{Gateway, Socket};
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

fn start(file: Shipped) -> Proxy {
    run("listen 443 ssl;", file)
}

/// Before the only gateway of the fleet that is left.
const FLEET: Kind = Kind {
    file: "compose/nginx.conf",
    adapt: |file| {
        members(file).with("server 127.0.0.1:2;", "").with("127.0.0.1:1;", &format!("{ONE};"))
    },
    start: |file| run("listen 80;", file),
};

/// What a site replaces by its gateway's address.
const ONE: &str = "127.0.0.1:3000";

/// Gives the gateways addresses instead of names: Debian's nginx does not know `resolve`, and there
/// is no server to ask.
fn members(file: Shipped) -> Shipped {
    file.with("resolver 127.0.0.11 valid=2s;", "")
        .with("server gateway-1:3000 resolve;", "server 127.0.0.1:1;")
        .with("server gateway-2:3000 resolve;", "server 127.0.0.1:2;")
        .with("server gateway-3:3000 resolve;", "")
}

/// Runs one process, so that it can be ended by its id.
fn run(listen: &str, file: Shipped) -> Proxy {
    let address = free_address();
    let folder = tempfile::tempdir().unwrap();
    let site = file.with(listen, &format!("listen {address};"));
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

#[tokio::test]
async fn a_fleet_serves_and_tells_clients_apart() {
    promises::serves_in_demo_mode(FLEET).await;
    promises::tells_clients_apart(FLEET).await;
}

#[tokio::test]
async fn a_new_client_of_a_fleet_does_not_meet_the_gateway_that_drains() {
    let gateways = [Gateway::start(&[]), Gateway::start(&[])];
    let file = members(Shipped::read(FLEET.file))
        .with("127.0.0.1:1;", &format!("{};", gateways[0].address))
        .with("127.0.0.1:2;", &format!("{};", gateways[1].address));
    let proxy = run("listen 80;", file);
    let mut draining = gateways[0].connect("/ws").await;
    draining.set_up("ann", &[]).await;
    gateways[0].signal("TERM");
    // It goes on draining while this client does not read that it is to leave, and answers 503.
    gateways[0].becomes_unready().await;
    for _ in 0..4 {
        let stream = TcpStream::connect(proxy.address).await.unwrap();
        let url = format!("ws://{}/ws", proxy.address);
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Socket(socket).set_up("bob", &[]).await;
    }
    assert_eq!(gateways[0].refusal("/ws").await, 503, "it has not ended meanwhile");
}

#[test]
fn fits_the_times_of_a_fleets_gateways() {
    promises::closes_idle_connections_first(FLEET, "keepalive_timeout");
    promises::waits_longer_than_for_a_ping(FLEET, "proxy_read_timeout");
}
