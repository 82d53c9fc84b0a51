//! `/openapi.json` compared with the server that serves it: every operation is requested, and every
//! answer is checked against the document.

use std::collections::BTreeSet;
use std::fs;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::schema::{assert_fits, assert_references_resolve, within};

/// A request that must be answered with `status`.
struct Case {
    method: Method,
    /// The path as the document writes it.
    path: &'static str,
    /// The path as it is requested.
    asked: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
}

const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

const KEY: &str = "a-key-of-a-backend";
const API_KEY: [(&str, &str); 1] = [("authorization", "Bearer a-key-of-a-backend")];

const STRANGE_PAGE: [(&str, &str); 5] =
    [HANDSHAKE[0], HANDSHAKE[1], HANDSHAKE[2], HANDSHAKE[3], ("origin", "https://evil.example")];

const CASES: &[Case] = &[
    Case { method: Method::GET, path: "/", asked: "/", headers: &[], body: "", status: 307 },
    Case {
        method: Method::GET,
        path: "/docs",
        asked: "/docs",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/openapi",
        asked: "/openapi",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/openapi.json",
        asked: "/openapi.json",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/asyncapi.json",
        asked: "/asyncapi.json",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/stats",
        asked: "/stats",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/stats",
        asked: "/stats?scope=world",
        headers: &[],
        body: "",
        status: 400,
    },
    Case {
        method: Method::GET,
        path: "/.well-known/micro-socket-keys",
        asked: "/.well-known/micro-socket-keys",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/metrics",
        asked: "/metrics",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/healthz",
        asked: "/healthz",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/readyz",
        asked: "/readyz",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/demo/publish/{topic}",
        asked: "/demo/publish/prices?bid=100&ask=101&ask=102",
        headers: &[],
        body: "",
        status: 200,
    },
    Case {
        method: Method::GET,
        path: "/demo/publish/{topic}",
        asked: "/demo/publish/$sys?a=1",
        headers: &[],
        body: "",
        status: 400,
    },
    Case {
        method: Method::GET,
        path: "/demo/publish/{topic}",
        asked: "/demo/publish/a",
        headers: &[("sec-fetch-site", "cross-site")],
        body: "",
        status: 403,
    },
    Case {
        method: Method::GET,
        path: "/demo/publish/{topic}",
        asked: "/demo/publish/a?long=LONG",
        headers: &[],
        body: "",
        status: 413,
    },
    Case {
        method: Method::POST,
        path: "/publish",
        asked: "/publish",
        headers: &API_KEY,
        body: r#"{"topic":"t","messageId":"1","payload":null}"#,
        status: 200,
    },
    Case {
        method: Method::POST,
        path: "/publish",
        asked: "/publish",
        headers: &API_KEY,
        body: r#"[{"topic":"t","payload":1},{"topic":""}]"#,
        status: 200,
    },
    Case {
        method: Method::POST,
        path: "/publish",
        asked: "/publish",
        headers: &API_KEY,
        body: r#"{"topic":7}"#,
        status: 400,
    },
    Case {
        method: Method::POST,
        path: "/publish",
        asked: "/publish",
        headers: &[],
        body: "{}",
        status: 401,
    },
    Case {
        method: Method::POST,
        path: "/publish",
        asked: "/publish",
        headers: &API_KEY,
        body: r#"{"topic":"t","payload":"LONG"}"#,
        status: 413,
    },
    Case {
        method: Method::GET,
        path: "/ws",
        asked: "/ws",
        headers: &HANDSHAKE,
        body: "",
        status: 101,
    },
    Case { method: Method::GET, path: "/ws", asked: "/ws", headers: &[], body: "", status: 400 },
    Case {
        method: Method::GET,
        path: "/ws",
        asked: "/ws",
        headers: &STRANGE_PAGE,
        body: "",
        status: 403,
    },
    Case {
        method: Method::GET,
        path: "/ws/sub/{topic}",
        asked: "/ws/sub/a%2Fb",
        headers: &HANDSHAKE,
        body: "",
        status: 101,
    },
    Case {
        method: Method::GET,
        path: "/ws/sub/{topic}",
        asked: "/ws/sub/prices",
        headers: &[],
        body: "",
        status: 400,
    },
    Case {
        method: Method::GET,
        path: "/ws/sub/{topic}",
        asked: "/ws/sub/%ff",
        headers: &HANDSHAKE,
        body: "",
        status: 400,
    },
    Case {
        method: Method::GET,
        path: "/ws/sub/{topic}",
        asked: "/ws/sub/prices",
        headers: &STRANGE_PAGE,
        body: "",
        status: 403,
    },
];

/// Documented answers that this gateway does not give, because it is in demo mode, not full, and
/// not about to stop.
const NOT_PROVOKED_HERE: [(&str, &str, u16); 7] = [
    ("/demo/publish/{topic}", "get", 401),
    ("/demo/publish/{topic}", "get", 503),
    ("/publish", "post", 408),
    ("/publish", "post", 503),
    ("/readyz", "get", 503),
    ("/ws", "get", 503),
    ("/ws/sub/{topic}", "get", 503),
];

/// A gateway with every route.
fn start(folder: &TempDir) -> Gateway {
    let keys = folder.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_FRAME", "1KiB"),
        ("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap()),
    ])
}

#[tokio::test]
async fn every_operation_answers_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = start(&folder);
    let document = gateway.json("/openapi.json").await;
    let mut seen = BTreeSet::new();
    for Case { method, path, asked, headers, body, status } in CASES {
        let long = |text: &str| text.replace("LONG", &"x".repeat(1024));
        let asked = long(asked);
        let response = gateway.send(method.clone(), &asked, headers, long(body)).await;
        assert_eq!(response.status(), *status, "{method} {asked} {body}");
        let method = method.as_str().to_lowercase();
        let documented =
            resolved(&document, &document["paths"][path][&method]["responses"][status.to_string()]);
        assert!(
            documented.is_object(),
            "{method} {path} may answer {status}, says the server and not the document"
        );
        check_answer(&document, documented, response, &asked).await;
        seen.insert(((*path).to_owned(), method, *status));
    }
    for (path, method, operation) in operations(&document) {
        if let Some(documented) = operation["responses"].get("421") {
            let asked = path.replace("{topic}", "t");
            let response = gateway
                .send(
                    method.to_uppercase().parse().unwrap(),
                    &asked,
                    &[("host", "elsewhere.example")],
                    "",
                )
                .await;
            assert_eq!(response.status(), 421, "{method} {path}");
            check_answer(&document, resolved(&document, documented), response, path).await;
            seen.insert((path.clone(), method.clone(), 421));
        }
    }
    seen.extend(
        NOT_PROVOKED_HERE
            .map(|(path, method, status)| (path.to_owned(), method.to_owned(), status)),
    );
    assert_eq!(
        documented_answers(&document),
        seen,
        "the document (left) lists what is not asked here, or the other way round"
    );
}

/// The answer itself, if `answer` refers to it.
fn resolved<'a>(document: &'a Value, answer: &'a Value) -> &'a Value {
    let reference = answer.get("$ref").and_then(Value::as_str);
    reference
        .map_or(answer, |reference| document.pointer(reference.strip_prefix('#').unwrap()).unwrap())
}

/// Checks that content type and body are as documented.
async fn check_answer(document: &Value, documented: &Value, response: Response, asked: &str) {
    let Some(content) = documented.get("content") else {
        return;
    };
    let kind =
        response.headers()[CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let schema = &content[&kind]["schema"];
    assert!(schema.is_object(), "{asked} is answered as {kind}, documented is {content}");
    let body = response.text().await.unwrap();
    let value = if kind.ends_with("json") {
        serde_json::from_str(&body).unwrap()
    } else {
        Value::String(body)
    };
    assert_fits(&within(document, schema), &value, asked);
}

/// Every path with its methods.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    })
}

/// Every operation with each of its documented statuses.
fn documented_answers(document: &Value) -> BTreeSet<(String, String, u16)> {
    let statuses = |operation: &Value| {
        operation["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    operations(document)
        .flat_map(|(path, method, operation)| {
            statuses(operation).into_iter().map(move |status| (path, method, status))
        })
        .map(|(path, method, status)| (path.clone(), method.clone(), status.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_document_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let document = start(&folder).json("/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_references_resolve(&document);
    let mut ids = BTreeSet::new();
    for (path, _, operation) in operations(&document) {
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{path} shares its operationId"
        );
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let parameters = operation["parameters"].as_array().unwrap();
            let parameter = parameters
                .iter()
                .find(|parameter| parameter["name"] == name && parameter["in"] == "path");
            assert!(
                parameter.is_some_and(|parameter| parameter["example"].is_string()),
                "{path} does not describe {name}"
            );
        }
    }
    check_examples(&document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert_fits(&within(&document, schema), &schema["example"], name);
    }
}

/// Checks that each problem has an example of its own, with its status and a code that the
/// description names.
fn check_examples(document: &Value) {
    for (path, _, operation) in operations(document) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let answer = resolved(document, answer);
            let Some(content) = answer["content"].get("application/problem+json") else {
                assert!(
                    status.parse::<u16>().unwrap() < 400,
                    "{path} answers {status} without a problem"
                );
                continue;
            };
            let example = &content["example"];
            assert_fits(&within(document, &content["schema"]), example, path);
            assert_eq!(example["status"].to_string(), *status, "{path}");
            let code = example["code"].as_str().unwrap();
            assert!(
                answer["description"].as_str().unwrap().contains(&format!("`{code}`")),
                "{path} {status}"
            );
        }
    }
}

#[tokio::test]
async fn each_operation_says_whether_it_needs_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let document = start(&folder).json("/openapi.json").await;
    for (path, method, operation) in operations(&document) {
        let expected = match path.as_str() {
            "/publish" => json!([{ "apiKey": [] }]),
            "/demo/publish/{topic}" => json!([{}, { "apiKey": [] }]),
            _ => json!([]),
        };
        assert_eq!(operation["security"], expected, "{method} {path}");
    }
}

#[tokio::test]
async fn an_opening_handshake_is_described_by_its_headers() {
    let document = Gateway::start(&[]).json("/openapi.json").await;
    for path in ["/ws", "/ws/sub/{topic}"] {
        let operation = &document["paths"][path]["get"];
        let parameters = operation["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|parameter| parameter["in"] == "header");
        let described: BTreeSet<_> = parameters
            .map(|parameter| (parameter["name"].as_str().unwrap(), parameter["required"] == true))
            .collect();
        let expected = [
            ("Connection", true),
            ("Upgrade", true),
            ("Sec-WebSocket-Key", true),
            ("Sec-WebSocket-Version", true),
            ("Sec-WebSocket-Protocol", false),
            ("Origin", false),
        ];
        assert_eq!(described, expected.into_iter().collect(), "{path}");
        let opened = resolved(&document, &operation["responses"]["101"]);
        let headers: BTreeSet<&str> =
            opened["headers"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            headers,
            ["Connection", "Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"]
                .into_iter()
                .collect(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_turned_off_is_not_documented() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_HTTP__DEMO", "false"),
        ("MICRO_SOCKET_HTTP__DOCS", "false"),
    ]);
    let document = gateway.json("/openapi.json").await;
    for path in ["/", "/docs", "/openapi", "/demo/publish/{topic}", "/publish"] {
        assert!(document["paths"].get(path).is_none(), "{path}");
        let response = gateway.get(&path.replace("{topic}", "prices")).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "NOT_FOUND");
    }
}
