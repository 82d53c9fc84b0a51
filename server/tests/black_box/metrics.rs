//! `/metrics`, the `slo` object of `/stats`, and their own listener.

use crate::gateway::Gateway;
use crate::raw::{Raw, text};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_rustls::rustls::crypto::ring;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_family_is_explained_and_names_nobody() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("the-user", &["the-topic"]).await;
    socket.send(&json!({ "type": "publish", "topic": "the-topic", "messageId": "the-id", "payload": null }).to_string()).await;
    socket.next().await;
    let response = gateway.get("/metrics").await;
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    let (mut explained, mut typed) = (HashSet::new(), HashSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(explained.insert(help.split(' ').next().unwrap()), "twice: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(explained.contains(name) && typed.insert(name), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(name.starts_with("micro_socket_") || name.starts_with("process_"), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            assert!(typed.contains(name) || typed.contains(family), "{line}");
            value.parse::<f64>().unwrap();
            if let Some((_, labels)) = sample.split_once('{') {
                let label = labels.split('=').next().unwrap();
                assert!(
                    ["code", "status", "le", "version", "name", "what", "reason", "route"]
                        .contains(&label),
                    "{line}"
                );
            }
        }
    }
    for secret in ["the-user", "the-topic", "the-id", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(typed.contains(name), "{name} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_counters_count() {
    let gateway = Gateway::start(&[]);
    let mut readers = [gateway.user("a", &["t"]).await, gateway.user("b", &["t"]).await];
    let mut publisher = gateway.user("p", &[]).await;
    let publish = |id: u32| json!({ "type": "publish", "topic": "t", "messageId": id.to_string(), "payload": null });
    for id in 1..=5 {
        assert_eq!(publisher.ask(&publish(id)).await["status"], "ok");
    }
    assert_eq!(publisher.ask(&publish(5)).await["status"], "duplicate");
    assert_eq!(
        publisher.ask(&json!({ "type": "subscribe", "topic": "$no" })).await["code"],
        "INVALID_TOPIC"
    );
    for reader in &mut readers {
        for id in 1..=5 {
            assert_eq!(reader.next().await["seqNo"], id);
        }
    }
    let mut late = gateway.user("late", &[]).await;
    let behind = late.ask(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 2 })).await;
    assert_eq!(behind["recovered"], true);
    for id in 3..=5 {
        assert_eq!(late.next().await["seqNo"], id);
    }
    let metrics = gateway.metrics().await;
    for (name, value) in [
        ("micro_socket_connections", 4.0),
        ("micro_socket_topics", 1.0),
        ("micro_socket_subscriptions", 3.0),
        ("micro_socket_sessions", 4.0),
        ("micro_socket_dedup_keys", 5.0),
        ("micro_socket_publishes_total{status=\"ok\"}", 5.0),
        ("micro_socket_publishes_total{status=\"duplicate\"}", 1.0),
        ("micro_socket_deliveries_total", 10.0),
        ("micro_socket_delivery_seconds_count", 10.0),
        ("micro_socket_delivery_seconds_bucket{le=\"+Inf\"}", 10.0),
        ("micro_socket_replayed_messages_total", 3.0),
        ("micro_socket_errors_total{code=\"INVALID_TOPIC\"}", 1.0),
        ("micro_socket_errors_total{code=\"RATE_LIMITED\"}", 0.0),
        ("micro_socket_closes_total{code=\"1000\"}", 0.0),
        ("micro_socket_send_queue_bytes", 0.0),
        ("micro_socket_limit{name=\"max_connections\"}", 100_000.0),
        ("micro_socket_limit{name=\"history_total_bytes\"}", 536_870_912.0),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}");
    }
    let slo = gateway.json("/stats").await["slo"].clone();
    assert_eq!(slo["deliveryP99Ms"], 50.0);
    for window in [&slo["minute"], &slo["hour"]] {
        let counts = json!({ "published": 5, "delivered": 10, "duplicates": 1, "replayed": 3, "slowConsumers": 0 });
        for (name, count) in counts.as_object().unwrap() {
            assert_eq!(window[name], *count, "{name} of {window}");
        }
        let percentiles =
            ["p50Ms", "p90Ms", "p99Ms", "p999Ms"].map(|name| window[name].as_f64().unwrap());
        assert!(percentiles.is_sorted() && percentiles[0] > 0.0, "{window}");
        assert_eq!(window["met"], percentiles[2] <= 50.0);
    }
}

#[tokio::test]
async fn closes_and_slow_readers_show() {
    let gateway = Gateway::start(&[]);
    let mut gone = Raw::open(&gateway).await;
    gone.send(&crate::raw::frame(0x82, b"binary")).await;
    assert_eq!(gone.close_code().await, 1003);
    let mut slow = Raw::open(&gateway).await;
    slow.send(&text(r#"{"type":"setup","token":"slow","topics":["t"]}"#)).await;
    let mut publisher = gateway.user("p", &[]).await;
    let (mut id, mut waiting) = (0, 0.0);
    while gateway.counts().await["subscriptions"] == 1 {
        id += 1;
        assert!(id < 2_000, "it could go on for ever");
        let publish = json!({ "type": "publish", "topic": "t", "messageId": id.to_string(), "payload": "x".repeat(60_000) });
        assert_eq!(publisher.ask(&publish).await["status"], "ok");
        waiting = f64::max(waiting, gateway.metrics().await["micro_socket_send_queue_bytes"]);
    }
    assert!(waiting > 60_000.0, "{waiting}");
    let deadline = Instant::now() + SOON;
    loop {
        let metrics = gateway.metrics().await;
        let closed = |code| metrics[&format!("micro_socket_closes_total{{code=\"{code}\"}}")];
        if (closed(1003), closed(4290)) == (1.0, 1.0) {
            break;
        }
        assert!(Instant::now() < deadline, "{metrics:?}");
    }
    assert_eq!(gateway.json("/stats").await["slo"]["minute"]["slowConsumers"], 1);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "0123456789abcdef0123\n").unwrap();
    let gateway = Gateway::start(&[("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap())]);
    let before = gateway.metrics().await;
    gateway.get("/openapi.json").await;
    gateway.get("/demo/publish/one?a=1").await;
    gateway.get("/demo/publish/two?a=1").await;
    gateway.get("/nothing/of/the/kind").await;
    gateway.request(reqwest::Method::DELETE, "/stats", &[]).await;
    gateway.user("u", &[]).await;
    for key in ["another key", "0123456789abcdef0123"] {
        gateway.publish(key, r#"{"topic":"t","payload":1}"#).await;
    }
    gateway.send(reqwest::Method::POST, "/publish", &[], "{}").await;
    let metrics = gateway.metrics().await;
    for (route, status, count) in [
        ("/openapi.json", 200, 1.0),
        ("/demo/publish/{topic}", 200, 2.0),
        ("none", 404, 1.0),
        ("/stats", 405, 1.0),
        ("/ws", 101, 1.0),
        ("/publish", 200, 1.0),
        ("/publish", 401, 2.0),
        ("/metrics", 200, 1.0),
    ] {
        let name =
            format!("micro_socket_http_requests_total{{route=\"{route}\",status=\"{status}\"}}");
        assert_eq!(
            metrics.get(&name).copied().unwrap_or_default()
                - before.get(&name).copied().unwrap_or_default(),
            count,
            "{name}"
        );
    }
    assert_eq!(
        metrics["micro_socket_refused_api_keys_total"], 1.0,
        "a request without a key shows none"
    );
}

/// A gateway that prints two addresses.
#[tokio::test]
async fn operators_may_have_a_listener_of_their_own() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_micro-socket"))
        .env_clear()
        .env("MICRO_SOCKET_HTTP__ADMIN_LISTEN", "127.0.0.1:0")
        .env("MICRO_SOCKET_HTTP__DOCS", "false")
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let clients =
        lines.next().unwrap().strip_prefix("Micro Socket listens on ").unwrap().to_owned();
    let admin = lines
        .next()
        .unwrap()
        .strip_prefix("Metrics: ")
        .unwrap()
        .trim_end_matches("/metrics")
        .to_owned();
    let _installed = ring::default_provider().install_default();
    let status = async |base: &str, path: &str| {
        reqwest::get(format!("{base}{path}")).await.unwrap().status().as_u16()
    };
    let mut found = Vec::new();
    for path in
        ["/metrics", "/stats", "/healthz", "/readyz", "/demo/publish/t?a=1", "/openapi.json", "/ws"]
    {
        found.push((path, status(&clients, path).await, status(&admin, path).await));
    }
    let document: Value =
        reqwest::get(format!("{clients}/openapi.json")).await.unwrap().json().await.unwrap();
    let documented = ["/metrics", "/stats", "/healthz", "/readyz"]
        .map(|path| document["paths"].get(path).is_some());
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(documented, [false, false, true, true], "as the listener for clients answers");
    let expected = [
        ("/metrics", 404, 200),
        ("/stats", 404, 200),
        ("/healthz", 200, 200),
        ("/readyz", 200, 200),
        ("/demo/publish/t?a=1", 200, 404),
        ("/openapi.json", 200, 404),
        ("/ws", 400, 404),
    ];
    assert_eq!(found, expected);
}
