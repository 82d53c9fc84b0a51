//! `/openapi.json` against the server that serves it: every operation is asked, every answer is held against the document.

use std::collections::BTreeSet;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::schema::{assert_fits, assert_references_resolve, within};

/// A request that has to be answered by `status`.
struct Case {
    /// As the document writes it.
    path: &'static str,
    /// As it is asked.
    asked: &'static str,
    headers: &'static [(&'static str, &'static str)],
    status: u16,
}

const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

const STRANGE_PAGE: [(&str, &str); 5] = [HANDSHAKE[0], HANDSHAKE[1], HANDSHAKE[2], HANDSHAKE[3], ("origin", "https://evil.example")];

const CASES: &[Case] = &[
    Case { path: "/", asked: "/", headers: &[], status: 307 },
    Case { path: "/docs", asked: "/docs", headers: &[], status: 200 },
    Case { path: "/openapi", asked: "/openapi", headers: &[], status: 200 },
    Case { path: "/openapi.json", asked: "/openapi.json", headers: &[], status: 200 },
    Case { path: "/asyncapi.json", asked: "/asyncapi.json", headers: &[], status: 200 },
    Case { path: "/stats", asked: "/stats", headers: &[], status: 200 },
    Case { path: "/.well-known/micro-socket-keys", asked: "/.well-known/micro-socket-keys", headers: &[], status: 200 },
    Case { path: "/metrics", asked: "/metrics", headers: &[], status: 200 },
    Case { path: "/healthz", asked: "/healthz", headers: &[], status: 200 },
    Case { path: "/readyz", asked: "/readyz", headers: &[], status: 200 },
    Case { path: "/demo/publish/{topic}", asked: "/demo/publish/prices?bid=100&ask=101&ask=102", headers: &[], status: 200 },
    Case { path: "/demo/publish/{topic}", asked: "/demo/publish/$sys?a=1", headers: &[], status: 400 },
    Case { path: "/demo/publish/{topic}", asked: "/demo/publish/a", headers: &[("sec-fetch-site", "cross-site")], status: 403 },
    Case { path: "/demo/publish/{topic}", asked: "/demo/publish/a?long=LONG", headers: &[], status: 413 },
    Case { path: "/ws", asked: "/ws", headers: &HANDSHAKE, status: 101 },
    Case { path: "/ws", asked: "/ws", headers: &[], status: 400 },
    Case { path: "/ws", asked: "/ws", headers: &STRANGE_PAGE, status: 403 },
    Case { path: "/ws/sub/{topic}", asked: "/ws/sub/a%2Fb", headers: &HANDSHAKE, status: 101 },
    Case { path: "/ws/sub/{topic}", asked: "/ws/sub/prices", headers: &[], status: 400 },
    Case { path: "/ws/sub/{topic}", asked: "/ws/sub/%ff", headers: &HANDSHAKE, status: 400 },
    Case { path: "/ws/sub/{topic}", asked: "/ws/sub/prices", headers: &STRANGE_PAGE, status: 403 },
];

/// Documented, but not to be had from a gateway that is well: it would have to be full or about to stop.
const NOT_PROVOKED_HERE: [(&str, u16); 4] = [("/demo/publish/{topic}", 503), ("/readyz", 503), ("/ws", 503), ("/ws/sub/{topic}", 503)];

#[tokio::test]
async fn every_operation_answers_as_documented() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_FRAME", "1KiB")]);
    let document = gateway.json("/openapi.json").await;
    let mut seen = BTreeSet::new();
    for case in CASES {
        let asked = case.asked.replace("LONG", &"x".repeat(1024));
        let response = gateway.request(Method::GET, &asked, case.headers).await;
        assert_eq!(response.status(), case.status, "{asked}");
        let documented = &document["paths"][case.path]["get"]["responses"][case.status.to_string()];
        assert!(documented.is_object(), "GET {} may answer {}, says the server and not the document", case.path, case.status);
        check_answer(&document, documented, response, &asked).await;
        seen.insert((case.path.to_owned(), case.status));
    }
    seen.extend(NOT_PROVOKED_HERE.map(|(path, status)| (path.to_owned(), status)));
    assert_eq!(documented_answers(&document), seen, "the document (left) lists what is not asked here, or the other way round");
}

/// Content type and body, as documented.
async fn check_answer(document: &Value, documented: &Value, response: Response, asked: &str) {
    let Some(content) = documented.get("content") else {
        return;
    };
    let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let schema = &content[&kind]["schema"];
    assert!(schema.is_object(), "{asked} is answered as {kind}, documented is {content}");
    let body = response.text().await.unwrap();
    let value = if kind.ends_with("json") { serde_json::from_str(&body).unwrap() } else { Value::String(body) };
    assert_fits(&within(document, schema), &value, asked);
}

/// Every path with every status of its only method.
fn documented_answers(document: &Value) -> BTreeSet<(String, u16)> {
    let mut answers = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["get"], "{path}");
        for status in item["get"]["responses"].as_object().unwrap().keys() {
            answers.insert((path.clone(), status.parse().unwrap()));
        }
    }
    answers
}

#[tokio::test]
async fn the_document_is_whole() {
    let document = Gateway::start(&[]).json("/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_references_resolve(&document);
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path} shares its operationId");
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let parameters = operation["parameters"].as_array().unwrap();
            let parameter = parameters.iter().find(|parameter| parameter["name"] == name && parameter["in"] == "path");
            assert!(parameter.is_some_and(|parameter| parameter["example"].is_string()), "{path} does not describe {name}");
        }
    }
    check_examples(&document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert_fits(&within(&document, schema), &schema["example"], name);
    }
}

/// Each problem has an example of its own, with its status and a code that the description names.
fn check_examples(document: &Value) {
    for (path, item) in document["paths"].as_object().unwrap() {
        for (status, answer) in item["get"]["responses"].as_object().unwrap() {
            let Some(content) = answer["content"].get("application/problem+json") else {
                assert!(status.parse::<u16>().unwrap() < 400, "{path} answers {status} without a problem");
                continue;
            };
            let example = &content["example"];
            assert_fits(&within(document, &content["schema"]), example, path);
            assert_eq!(example["status"].to_string(), *status, "{path}");
            let code = example["code"].as_str().unwrap();
            assert!(answer["description"].as_str().unwrap().contains(&format!("`{code}`")), "{path} {status}");
        }
    }
}

#[tokio::test]
async fn what_is_turned_off_is_not_documented() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HTTP__DEMO", "false"), ("MICRO_SOCKET_HTTP__DOCS", "false")]);
    let document = gateway.json("/openapi.json").await;
    for path in ["/", "/docs", "/openapi", "/demo/publish/{topic}"] {
        assert!(document["paths"].get(path).is_none(), "{path}");
        let response = gateway.get(&path.replace("{topic}", "prices")).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "NOT_FOUND");
    }
}
