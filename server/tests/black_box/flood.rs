//! Idle connections take neither the slots nor the descriptors of other connections.

use crate::gateway::{Gateway, Socket};
use crate::http1::{get, on};
use crate::raw::{Raw, opening};
use serde_json::json;
use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

/// A connection from 127.0.0.`host` that sends nothing.
async fn idle_from(gateway: &Gateway, host: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
    socket.connect(gateway.address.parse().unwrap()).await.unwrap()
}

/// Whether the gateway closes it. Sends nothing.
async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(timeout(SOON, stream.read(&mut [0])).await.unwrap(), Ok(0) | Err(_))
}

/// Whether the gateway still answers on it.
async fn answers(stream: &mut TcpStream) -> bool {
    timeout(SOON, get(stream, "/healthz", "")).await.unwrap().starts_with("HTTP/1.1 200 ")
}

async fn pongs(socket: &mut Socket) -> bool {
    socket.ask(&json!({ "type": "ping" })).await["type"] == "pong"
}

#[tokio::test]
async fn at_the_limit_the_longest_idle_of_the_address_with_most_makes_room() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_HTTP_CONNECTIONS", "5")]);
    let mut other = idle_from(&gateway, 2).await;
    let mut crowd = Vec::new();
    for _ in 0..4 {
        let mut stream = idle_from(&gateway, 3).await;
        assert!(answers(&mut stream).await);
        crowd.push(stream);
    }
    assert!(
        answers(&mut crowd[0]).await,
        "now the second is the one that has sent nothing for longest"
    );
    assert!(answers(&mut other).await);
    let mut newcomer = idle_from(&gateway, 4).await;
    assert!(answers(&mut newcomer).await, "it waits until one is idle");
    assert!(is_closed(&mut crowd[1]).await);
    for stream in [&mut crowd[0], &mut other, &mut newcomer] {
        assert!(answers(stream).await);
    }
    let metrics = gateway.metrics().await;
    assert!(metrics["micro_socket_refused_connections_total{reason=\"http_full\"}"] >= 1.0);
    assert_eq!(metrics["micro_socket_refused_connections_total{reason=\"full\"}"], 0.0);
}

#[tokio::test]
async fn a_flood_from_many_addresses_stops_neither_probes_nor_clients() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_HTTP_CONNECTIONS", "20")]);
    let mut client = gateway.user("before", &[]).await;
    let mut flood = Vec::new();
    for host in 2..50 {
        flood.push(idle_from(&gateway, host).await);
    }
    assert_eq!(gateway.get("/healthz").await.status(), 200);
    assert!(pongs(&mut client).await);
    assert!(pongs(&mut gateway.user("after", &[]).await).await);
    assert!(gateway.metrics().await["micro_socket_http_connections"] <= 20.0);
}

#[tokio::test]
async fn an_address_has_no_more_than_its_limit_whatever_it_does_with_them() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "3")]);
    let mut within = Vec::new();
    for _ in 0..2 {
        within.push(idle_from(&gateway, 2).await);
    }
    let mut upgraded = Raw { stream: idle_from(&gateway, 2).await };
    upgraded.send(opening("/ws").as_bytes()).await;
    assert!(upgraded.head().await.starts_with("HTTP/1.1 101 "));
    // Each of these connections is above the limit, and is told so once.
    let mut over = idle_from(&gateway, 2).await;
    let refusal = get(&mut over, "/docs", "").await;
    assert!(
        refusal.starts_with("HTTP/1.1 429 ")
            && refusal.contains("RATE_LIMITED")
            && refusal.contains("connection: close"),
        "{refusal}"
    );
    assert!(is_closed(&mut over).await);
    let mut probe = idle_from(&gateway, 2).await;
    assert!(answers(&mut probe).await && is_closed(&mut probe).await);
    let mut web_socket = Raw { stream: idle_from(&gateway, 2).await };
    web_socket.send(opening("/ws").as_bytes()).await;
    assert!(web_socket.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(web_socket.close_code().await, 1013);
    let mut silent = idle_from(&gateway, 2).await;
    assert!(is_closed(&mut silent).await, "without a request, soon");
    // Other addresses are not affected, and connections within the limit are still served.
    assert!(answers(&mut idle_from(&gateway, 3).await).await);
    for stream in &mut within {
        assert!(answers(stream).await);
    }
    assert_eq!(
        gateway.metrics().await["micro_socket_refused_connections_total{reason=\"per_address\"}"],
        2.0
    );
    drop(upgraded);
    gateway.stats_become(json!({ "connections": 0, "topics": 0, "subscriptions": 0 }), SOON).await;
    let mut next = idle_from(&gateway, 2).await;
    assert!(answers(&mut next).await && answers(&mut next).await, "its place is free again");
}

#[tokio::test]
async fn a_proxy_is_not_counted_and_its_clients_are() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "1"),
        ("MICRO_SOCKET_ACCESS__TRUSTED_PROXIES", "127.0.0.1"),
    ]);
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(idle_from(&gateway, 1).await);
    }
    let mut client = Raw { stream: idle.pop().unwrap() };
    client
        .send(
            opening("/ws").replacen("Host", "X-Forwarded-For: 198.51.100.1\r\nHost", 1).as_bytes(),
        )
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    let stream = &mut idle[0];
    for (forwarded, status) in [
        ("198.51.100.1", "429"),
        ("198.51.100.2", "200"),
        ("198.51.100.2", "200"),
        ("203.0.113.1, 198.51.100.1", "429"),
    ] {
        let answer =
            get(stream, "/openapi.json", &format!("X-Forwarded-For: {forwarded}\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{forwarded}: {answer}");
    }
    assert!(
        get(stream, "/healthz", "X-Forwarded-For: 198.51.100.1\r\n")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(
        get(stream, "/openapi.json", "").await.starts_with("HTTP/1.1 200 "),
        "it names no client"
    );
}

#[tokio::test]
async fn a_full_gateway_tells_so_only_as_many_at_a_time_as_http_connections() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS", "1"),
        ("MICRO_SOCKET_LIMITS__MAX_HTTP_CONNECTIONS", "4"),
    ]);
    let mut first = gateway.user("u", &[]).await;
    let mut refused = Vec::new();
    for _ in 0..12 {
        let mut raw = Raw::open(&gateway).await;
        assert_eq!(raw.close_code().await, 1013);
        // This client does not close.
        refused.push(raw);
    }
    let metrics = gateway.metrics().await;
    assert!(metrics["micro_socket_http_connections"] <= 4.0);
    assert_eq!(metrics["micro_socket_refused_connections_total{reason=\"full\"}"], 12.0);
    assert!(pongs(&mut first).await);
}

fn admin_of(gateway: &mut Gateway) -> String {
    gateway.line().strip_prefix("Metrics: http://").unwrap().trim_end_matches("/metrics").to_owned()
}

fn value(metrics: &str, name: &str) -> f64 {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap()
}

/// The system allows far fewer descriptors than the configuration allows connections.
#[tokio::test]
async fn descriptors_are_kept_for_those_that_are_in_and_for_operators() {
    let mut gateway = Gateway::start_command(
        &[
            "sh",
            "-c",
            "ulimit -n 80 && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_micro-socket"),
            "--listen",
            "127.0.0.1:0",
        ],
        &[("MICRO_SOCKET_HTTP__ADMIN_LISTEN", "127.0.0.1:0"), ("MICRO_SOCKET_HTTP__DOCS", "false")],
        Stdio::null(),
    );
    let admin = admin_of(&mut gateway);
    let mut client = gateway.user("before", &[]).await;
    let mut flood = Vec::new();
    for host in 2..150 {
        flood.push(idle_from(&gateway, host).await);
    }
    let metrics = get(&mut on(&admin).await, "/metrics", "").await;
    assert!(value(&metrics, "process_open_fds ") < 80.0);
    assert_eq!(value(&metrics, "micro_socket_failed_accepts_total "), 0.0);
    assert!(pongs(&mut client).await);
    assert!(pongs(&mut gateway.user("after", &[]).await).await, "idle ones make room");
    let mut open = vec![client];
    let refused = loop {
        let mut socket = gateway.connect("/ws").await;
        socket.send(r#"{"type":"setup","token":"u"}"#).await;
        match socket.read().await {
            Some(message) if message.is_text() => open.push(socket),
            other => break other,
        }
    };
    assert!(refused.is_some_and(|message| message.is_close()), "closed with 1013");
    assert!(answers(&mut on(&gateway.address).await).await, "although no more WebSockets fit");
}

/// The limit falls below the number at the start, as if something else used the descriptors.
#[tokio::test]
async fn without_descriptors_idle_connections_give_theirs_to_those_that_ask() {
    let environment =
        [("MICRO_SOCKET_HTTP__ADMIN_LISTEN", "127.0.0.1:0"), ("MICRO_SOCKET_HTTP__DOCS", "false")];
    let mut gateway = Gateway::start(&environment);
    let admin = admin_of(&mut gateway);
    let mut client = gateway.user("before", &[]).await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap().count();
    let (process, limit) = (format!("--pid={}", gateway.pid()), format!("--nofile={}", open + 5));
    assert!(Command::new("prlimit").args([process, limit]).status().unwrap().success());
    let start = Instant::now();
    let mut flood = Vec::new();
    for host in 2..20 {
        flood.push(idle_from(&gateway, host).await);
    }
    assert!(answers(&mut idle_from(&gateway, 20).await).await);
    let metrics =
        timeout(SOON, async { get(&mut on(&admin).await, "/metrics", "").await }).await.unwrap();
    let failures = value(&metrics, "micro_socket_failed_accepts_total ");
    // Two listeners, each of which pauses for 100 ms after a failure.
    let most = 2.0 * (start.elapsed().as_secs_f64() / 0.1 + 1.0);
    assert!((1.0..=most).contains(&failures), "{failures} of {most}");
    assert!(pongs(&mut client).await);
}
