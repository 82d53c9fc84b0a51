//! The names in `Host` that the gateway answers to, and the answers to requests whose host is
//! missing, repeated or malformed.

use reqwest::Method;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::handshake::problem;
use crate::raw::{Raw, opening};

/// The status of `GET path` with this `Host`.
async fn status(gateway: &Gateway, path: &str, host: &str) -> u16 {
    gateway.request(Method::GET, path, &[("host", host)]).await.status().as_u16()
}

/// The status and the problem with which these bytes are answered.
async fn refusal(gateway: &Gateway, request: &str) -> (String, Value) {
    let mut raw = Raw::tcp(gateway).await;
    raw.send(request.as_bytes()).await;
    let head = raw.head().await;
    let body = problem(&mut raw, &head).await;
    (head.split(' ').nth(1).unwrap().to_owned(), body)
}

#[tokio::test]
async fn in_demo_mode_on_loopback_only_names_of_this_machine() {
    let gateway = Gateway::start(&[]);
    for own in [
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "app.localhost:8080",
        "127.0.0.1",
        "127.3.2.1:80",
        "[::1]:3000",
    ] {
        for path in ["/stats", "/docs", "/openapi.json", "/demo/publish/t"] {
            assert_eq!(status(&gateway, path, own).await, 200, "{own} {path}");
        }
    }
    for rebound in
        ["evil.example", "evil.example:3000", "localhost.evil.example", "192.0.2.1", "0.0.0.0"]
    {
        for path in ["/stats", "/docs", "/openapi.json", "/demo/publish/t", "/", "/nothing", "/ws"]
        {
            assert_eq!(status(&gateway, path, rebound).await, 421, "{rebound} {path}");
        }
        assert_eq!(status(&gateway, "/healthz", rebound).await, 200);
        assert_eq!(status(&gateway, "/readyz", rebound).await, 200);
    }
}

#[tokio::test]
async fn the_problem_names_the_host_and_the_key_to_set() {
    let gateway = Gateway::start(&[]);
    for request in [
        opening("/ws").replace("Host: localhost", "Host: evil.example:80"),
        "GET http://evil.example/stats HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
    ] {
        let (status, problem) = refusal(&gateway, &request).await;
        assert_eq!(
            (status.as_str(), &problem["code"]),
            ("421", &"MISDIRECTED".into()),
            "{request}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("evil.example") && detail.contains("access.allowed_hosts"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_list_names_all_others() {
    for mode in [
        &[][..],
        &[
            ("MICRO_SOCKET_AUTH__MODE", "jwt"),
            ("MICRO_SOCKET_AUTH__JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ],
    ] {
        let allowed = [("MICRO_SOCKET_ACCESS__ALLOWED_HOSTS", "Gateway.Example, 192.0.2.1")];
        let gateway = Gateway::start(&[mode, &allowed].concat());
        for good in
            ["gateway.example", "GATEWAY.example.:8443", "192.0.2.1", "localhost:3000", "127.0.0.1"]
        {
            assert_eq!(status(&gateway, "/stats", good).await, 200, "{good}");
        }
        for other in ["other.example", "sub.gateway.example", "192.0.2.2"] {
            assert_eq!(status(&gateway, "/stats", other).await, 421, "{other}");
        }
    }
}

#[tokio::test]
async fn in_jwt_mode_every_name_is_good_unless_some_are_listed() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_AUTH__MODE", "jwt"),
        ("MICRO_SOCKET_AUTH__JWT_SECRET", "0123456789abcdef0123456789abcdef"),
    ]);
    assert_eq!(status(&gateway, "/stats", "any.example").await, 200);
}

#[tokio::test]
async fn a_request_is_for_one_host_that_is_one() {
    let gateway = Gateway::start(&[]);
    let hosts = [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: u@localhost\r\n",
        "Host: localhost/\r\n",
        "Host: localhost:x\r\n",
    ];
    for path in ["/stats", "/healthz", "/ws", "/nothing"] {
        for host in hosts {
            let (status, problem) =
                refusal(&gateway, &format!("GET {path} HTTP/1.1\r\n{host}\r\n")).await;
            assert_eq!(
                (status.as_str(), &problem["code"]),
                ("400", &"INVALID_MESSAGE".into()),
                "{path} {host}"
            );
        }
    }
}

#[tokio::test]
async fn over_http_1_0_it_may_be_left_out() {
    let gateway = Gateway::start(&[]);
    for (head, status) in [
        ("", "200"),
        ("Host: localhost\r\n", "200"),
        ("Host: evil.example\r\n", "421"),
        ("Host: a b\r\n", "400"),
    ] {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(format!("GET /stats HTTP/1.0\r\n{head}\r\n").as_bytes()).await;
        assert_eq!(raw.head().await.split(' ').nth(1), Some(status), "{head}");
    }
}

#[tokio::test]
async fn a_target_may_name_the_host_itself() {
    let gateway = Gateway::start(&[]);
    let mut raw = Raw::tcp(&gateway).await;
    raw.send(b"GET http://localhost:80/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
    let page = |origin: &str| {
        opening("http://app.localhost:4000/ws")
            .replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n"))
    };
    for (origin, status) in
        [("http://app.localhost:4000", "101"), ("https://elsewhere.example", "403")]
    {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(page(origin).as_bytes()).await;
        assert_eq!(raw.head().await.split(' ').nth(1), Some(status), "{origin}");
    }
}

#[tokio::test]
async fn other_forms_of_targets_are_told_that_nothing_is_there() {
    let gateway = Gateway::start(&[]);
    for target in ["OPTIONS *", "CONNECT localhost:443"] {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(format!("{target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 4"), "{target}: {head}");
    }
}

#[tokio::test]
async fn what_is_refused_is_counted_under_its_route() {
    let gateway = Gateway::start(&[]);
    assert_eq!(status(&gateway, "/stats", "elsewhere.example").await, 421);
    assert_eq!(status(&gateway, "/nothing", "elsewhere.example").await, 421);
    let metrics = gateway.metrics().await;
    for route in ["/stats", "none"] {
        assert_eq!(
            metrics
                [&format!("micro_socket_http_requests_total{{route=\"{route}\",status=\"421\"}}")],
            1.0,
            "{route}"
        );
    }
}
