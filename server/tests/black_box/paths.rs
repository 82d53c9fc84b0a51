//! A superfluous `/` at the end of a path.

use reqwest::{Method, Url};
use serde_json::json;

use crate::gateway::Gateway;

#[tokio::test]
async fn it_makes_no_difference() {
    let gateway = Gateway::start(&[]);
    for path in
        ["/stats/", "/stats/?a=/", "/healthz/", "/openapi.json/", "/.well-known/micro-socket-keys/"]
    {
        assert_eq!(gateway.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(gateway.request(Method::POST, "/stats/", &[]).await.status(), 405);
    for nothing in [
        "/stats//",
        "/ws/sub/",
        "/ws/sub/a/b",
        "/ws/sub/a/b/",
        "/demo/publish/",
        "/nothing/",
        "/stats%2F",
    ] {
        assert_eq!(gateway.get(nothing).await.status(), 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_topic_keeps_its_own_slash() {
    let gateway = Gateway::start(&[]);
    for (path, topic) in [
        ("a%2F", "a/"),
        ("a%2F/", "a/"),
        ("a/", "a"),
        ("a%2Fb", "a/b"),
        ("%2F", "/"),
        ("a%252F", "a%2F"),
    ] {
        let mut socket = gateway.connect(&format!("/ws/sub/{path}")).await;
        assert_eq!(
            socket.ask(&json!({ "type": "setup", "token": "u" })).await["topic"],
            topic,
            "{path}"
        );
        assert_eq!(
            gateway.json(&format!("/demo/publish/{path}?a=1")).await["topic"],
            topic,
            "{path}"
        );
    }
}

#[tokio::test]
async fn pages_lead_to_their_own_address() {
    let gateway = Gateway::start(&[]);
    for (asked, page) in
        [("/docs/", "/docs"), ("/docs/?a=1&b=/", "/docs?a=1&b=/"), ("/openapi/", "/openapi")]
    {
        for method in [Method::GET, Method::HEAD] {
            let response = gateway.request(method, asked, &[]).await;
            assert_eq!(response.status(), 308, "{asked}");
            let location = response.headers()["location"].to_str().unwrap();
            assert!(
                !location.starts_with('/') && !location.contains("://"),
                "{location} is not relative"
            );
            // Also behind a proxy that adds a prefix to the path.
            for before in ["http://gateway.example", "http://gateway.example/before"] {
                let led = Url::parse(&format!("{before}{asked}")).unwrap().join(location).unwrap();
                assert_eq!(led.as_str(), format!("{before}{page}"));
            }
        }
        assert_eq!(gateway.get(page).await.status(), 200);
    }
    assert_eq!(gateway.get("/docs//").await.status(), 404);
    assert_eq!(gateway.get("/").await.status(), 307);
}
