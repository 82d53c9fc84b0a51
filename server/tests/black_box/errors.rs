//! Every error is a problem (RFC 9457), whichever part of the server answers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn every_error_is_a_problem() {
    let gateway = Gateway::start(&[]);
    let cases = [
        (Method::GET, "/nothing", 404, "NOT_FOUND"),
        (Method::GET, "/docs//", 404, "NOT_FOUND"),
        (Method::GET, "/demo/publish/", 404, "NOT_FOUND"),
        (Method::GET, "/demo/publish/a/b", 404, "NOT_FOUND"),
        (Method::GET, "/%ff", 404, "NOT_FOUND"),
        (Method::POST, "/nothing", 404, "NOT_FOUND"),
        (Method::POST, "/stats", 405, "METHOD_NOT_ALLOWED"),
        (Method::DELETE, "/ws", 405, "METHOD_NOT_ALLOWED"),
        (Method::PUT, "/openapi.json", 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/docs", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/demo/publish/%ff", 400, "INVALID_TOPIC"),
        (Method::GET, "/ws/sub/%ff", 400, "INVALID_TOPIC"),
        (Method::GET, "/ws", 400, "NOT_A_WEBSOCKET"),
    ];
    for (method, path, status, code) in cases {
        let response = gateway.request(method.clone(), path, &[]).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{method} {path}");
        let title = response.status().canonical_reason().unwrap();
        let body: Value = response.json().await.unwrap();
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        let expected = json!({ "type": "about:blank", "title": title, "status": status, "detail": body["detail"], "code": code });
        assert_eq!(body, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_is_protected() {
    let gateway = Gateway::start(&[]);
    for path in ["/", "/docs", "/openapi", "/openapi.json", "/stats", "/nothing", "/ws"] {
        let response = gateway.get(path).await;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn another_version_of_websocket_is_told_the_right_one() {
    let handshake = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "8"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let response = Gateway::start(&[]).request(Method::GET, "/ws", &handshake).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "NOT_A_WEBSOCKET");
}
