//! `POST /publish`, for backends.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::gateway::Gateway;
use crate::handshake::problem;
use crate::raw::Raw;

const KEY: &str = "first-key-of-a-backend";
/// The smallest message.
const ONE: &str = r#"{"topic":"t","payload":null}"#;
const OTHER_KEY: &str = "other-key-of-a-backend";

/// A gateway whose backends have these two keys.
struct Backend {
    gateway: Gateway,
    _folder: TempDir,
}

impl Backend {
    fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        fs::write(&keys, format!("# backends\n{KEY}\n\n  {OTHER_KEY}\r\n")).unwrap();
        let mut all = vec![("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.to_str().unwrap())];
        all.extend(environment);
        Self { gateway: Gateway::start(&all), _folder: folder }
    }

    /// Publishes `body`; returns status and answer.
    async fn publish(&self, body: &str) -> (u16, Value) {
        let response = self.gateway.publish(KEY, body.to_owned()).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Publishes an array; returns its results.
    async fn batch(&self, items: &Value) -> Vec<Value> {
        let (status, answer) = self.publish(&items.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer["results"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let backend = Backend::start(&[("MICRO_SOCKET_TIMEOUTS__SETUP", "200ms")]);
    let mut stream = TcpStream::connect(&backend.gateway.address).await.unwrap();
    let head = format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n{{\"topic\":"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

/// The status and code with which a body is answered that ends after these bytes, because the
/// client closes its side.
async fn broken(backend: &Backend, header: &str, body: &str) -> (String, Value) {
    let mut raw = Raw::tcp(&backend.gateway).await;
    raw.send(format!("POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n{header}\r\n\r\n{body}").as_bytes())
        .await;
    raw.stream.shutdown().await.unwrap();
    let head = raw.head().await;
    let problem = problem(&mut raw, &head).await;
    (head.split(' ').nth(1).unwrap().to_owned(), problem["code"].clone())
}

#[tokio::test]
async fn a_body_that_is_broken_is_not_called_too_large() {
    let backend = Backend::start(&[("MICRO_SOCKET_HTTP__PUBLISH_BODY", "1KiB")]);
    for body in ["zz\r\n", "5\r\nabc", "-1\r\n", "5\r\nabcdefgh\r\n0\r\n\r\n"] {
        assert_eq!(
            broken(&backend, "Transfer-Encoding: chunked", body).await,
            ("400".to_owned(), json!("INVALID_JSON")),
            "{body:?}"
        );
    }
    let large = format!("800\r\n{}\r\n0\r\n\r\n", " ".repeat(0x800));
    assert_eq!(
        broken(&backend, "Transfer-Encoding: chunked", &large).await,
        ("413".to_owned(), json!("MESSAGE_TOO_LARGE"))
    );
}

#[tokio::test]
async fn without_keys_it_does_not_exist() {
    let gateway = Gateway::start(&[]);
    let response = gateway.publish(KEY, ONE).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "NOT_FOUND");
}

#[tokio::test]
async fn only_with_a_key() {
    let backend = Backend::start(&[]);
    for header in [
        None,
        Some("Bearer wrong-key-of-a-backend"),
        Some("Bearer "),
        Some("Basic first-key-of-a-backend"),
        Some(KEY),
        Some("Bearer # backends"),
    ] {
        let headers: Vec<(&str, &str)> =
            header.map(|value| ("authorization", value)).into_iter().collect();
        let response = backend.gateway.send(Method::POST, "/publish", &headers, ONE).await;
        assert_eq!(response.status(), 401, "{header:?}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem = response.text().await.unwrap();
        assert!(
            problem.contains("AUTH_FAILED") && !problem.contains("key-of-a-backend"),
            "{problem}"
        );
    }
    assert_eq!(
        backend.gateway.metrics().await["micro_socket_refused_api_keys_total"],
        2.0,
        "those that showed one"
    );
    let twice = format!("Bearer {KEY}");
    let headers = [("authorization", twice.as_str()), ("authorization", "Bearer x")];
    assert_eq!(backend.gateway.send(Method::POST, "/publish", &headers, ONE).await.status(), 401);
    for key in [KEY, OTHER_KEY] {
        assert_eq!(backend.gateway.publish(key, ONE).await.status(), 200);
    }
    let (_, answer) = backend.publish(ONE).await;
    assert_eq!(answer["seqNo"], 3, "what was refused published nothing");
}

#[tokio::test]
async fn one_message_reaches_its_subscribers_byte_for_byte() {
    let backend = Backend::start(&[]);
    let mut socket = backend.gateway.user("ann", &["prices"]).await;
    for payload in [
        r#"{"z":1.0,"a":1e400,"z":"\u00e9\ud83c\udf88"}"#,
        "[ 1,\n 2 ]",
        "12345678901234567890.10",
        "null",
        "\"\"",
        "{}",
    ] {
        let (status, answer) =
            backend.publish(&format!(r#" {{ "payload" : {payload} , "topic":"prices" }} "#)).await;
        assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{answer}");
        let text = socket.next_text().await;
        assert!(text.contains(&format!("\"data\":{payload}}}")), "{text}");
        let message: Value = serde_json::from_str(&text.replace("1e400", "0")).unwrap();
        assert_eq!(
            (&message["seqNo"], &message["messageId"]),
            (&answer["seqNo"], &answer["messageId"])
        );
    }
    backend.publish(r#"{"type":7,"topic":"prices","more":[1],"payload":null,"messageId":null,"userId":null}"#).await;
    assert_eq!(socket.next().await["data"], Value::Null, "other fields are ignored");
}

#[tokio::test]
async fn fields_are_as_documented() {
    let backend = Backend::start(&[]);
    let (_, answer) = backend.publish(r#"{"topic":"t","messageId":"m","payload":1}"#).await;
    assert_eq!(answer, json!({ "messageId": "m", "status": "ok", "topic": "t", "seqNo": 1 }));
    let results =
        backend.batch(&json!([{ "topic": "t", "messageId": "m", "payload": 1 }, { "topic": "" }, { "topic": "t", "data": 1 }])).await;
    assert_eq!(
        results[0],
        json!({ "messageId": "m", "status": "duplicate", "topic": "t", "seqNo": 1 })
    );
    assert_eq!(
        results[1],
        json!({ "code": "INVALID_TOPIC", "message": "topic must not be empty" })
    );
    let missing = "payload is missing: the field \"data\" is unknown and was ignored";
    assert_eq!(results[2], json!({ "code": "INVALID_MESSAGE", "message": missing }));
}

#[tokio::test]
async fn a_repeat_is_told_and_not_delivered() {
    let backend = Backend::start(&[]);
    let mut socket = backend.gateway.user("ann", &["t", "u"]).await;
    let items = json!([
        { "topic": "t", "messageId": "1", "payload": 1 },
        { "topic": "t", "messageId": "2", "payload": 2 },
        { "topic": "u", "messageId": "1", "payload": "repeat" },
        { "topic": "u", "messageId": "1", "payload": "another user's", "userId": "ann" },
    ]);
    let outcome = |results: Vec<Value>| {
        results.iter().map(|it| json!([it["status"], it["topic"], it["seqNo"]])).collect::<Vec<_>>()
    };
    let first = outcome(backend.batch(&items).await);
    assert_eq!(
        first,
        [
            json!(["ok", "t", 1]),
            json!(["ok", "t", 2]),
            json!(["duplicate", "t", 1]),
            json!(["ok", "u", 1])
        ]
    );
    let again = outcome(backend.batch(&items).await);
    assert_eq!(
        again,
        [
            json!(["duplicate", "t", 1]),
            json!(["duplicate", "t", 2]),
            json!(["duplicate", "t", 1]),
            json!(["duplicate", "u", 1])
        ]
    );
    let own = socket
        .ask(&json!({ "type": "publish", "topic": "t", "messageId": "3", "payload": 3 }))
        .await;
    // The answer to the client's own publish may come before or after the messages of the backend.
    let mut data = Vec::new();
    let mut next = own;
    while data.len() < 4 {
        if next["type"] == "message" {
            data.push(json!([next["topic"], next["seqNo"], next["data"]]));
        }
        if data.len() < 4 {
            next = socket.next().await;
        }
    }
    data.sort_by_key(ToString::to_string);
    assert_eq!(
        data,
        [
            json!(["t", 1, 1]),
            json!(["t", 2, 2]),
            json!(["t", 3, 3]),
            json!(["u", 1, "another user's"])
        ]
    );
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": null }))
            .await["status"],
        "duplicate",
        "userId makes it the user's own message id"
    );
}

#[tokio::test]
async fn each_item_is_judged_on_its_own_and_in_order() {
    let backend = Backend::start(&[("MICRO_SOCKET_LIMITS__MAX_FRAME", "1KiB")]);
    let long = "x".repeat(1024);
    let items = json!([
        { "topic": "t", "payload": 1 },
        { "topic": "$sys" },
        { "topic": "t", "payload": long },
        { "payload": 1 },
        { "topic": "t", "messageId": "", "payload": 1 },
        { "topic": "t", "messageId": 7, "payload": 1 },
        { "topic": "t", "userId": "a\u{0}b", "payload": 1 },
        "t",
        null,
        [],
        { "topic": "t", "payload": 1 },
    ]);
    let results = backend.batch(&items).await;
    let codes: Vec<_> = results.iter().map(|it| it["code"].as_str().unwrap_or("stored")).collect();
    let invalid = "INVALID_MESSAGE";
    assert_eq!(
        codes,
        [
            "stored",
            "INVALID_TOPIC",
            "MESSAGE_TOO_LARGE",
            invalid,
            invalid,
            invalid,
            invalid,
            invalid,
            invalid,
            invalid,
            "stored"
        ]
    );
    assert_eq!((&results[0]["seqNo"], &results[10]["seqNo"]), (&json!(1), &json!(2)));
    assert!(results[3]["message"].as_str().unwrap().contains("topic"), "{}", results[3]);
    let twice = backend
        .publish(r#"[{"topic":"t","topic":"u"},{"topic":"t","payload":1,"x":1,"\u0078":1}]"#)
        .await
        .1;
    assert_eq!(
        (&twice["results"][0]["code"], &twice["results"][1]["code"]),
        (&json!(invalid), &json!(invalid)),
        "a repeated field"
    );
}

#[tokio::test]
async fn what_cannot_be_taken_apart_is_a_problem() {
    let backend = Backend::start(&[
        ("MICRO_SOCKET_HTTP__PUBLISH_BATCH", "3"),
        ("MICRO_SOCKET_HTTP__PUBLISH_BODY", "2KiB"),
    ]);
    let long = "x".repeat(2049);
    for (body, status, code) in [
        ("", 400, "INVALID_JSON"),
        ("{", 400, "INVALID_JSON"),
        ("{} {}", 400, "INVALID_JSON"),
        ("\"t\"", 400, "INVALID_MESSAGE"),
        ("{}", 400, "INVALID_MESSAGE"),
        (r#"{"topic":""}"#, 400, "INVALID_TOPIC"),
        (r#"[0,1,2,3]"#, 413, "MESSAGE_TOO_LARGE"),
        (&long, 413, "MESSAGE_TOO_LARGE"),
    ] {
        let (found, problem) = backend.publish(body).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{body}: {problem}");
    }
    let response = backend.gateway.publish(KEY, &b"{\"topic\":\"\xff\"}"[..]).await;
    assert_eq!(response.status(), 400, "not UTF-8");
    assert_eq!(backend.publish("[]").await.1, json!({ "results": [] }));
    assert_eq!(
        backend.batch(&json!([{ "topic": "t", "payload": 1 }, { "topic": "t", "payload": 1 }, { "topic": "t", "payload": 1 }])).await[2]["seqNo"],
        3
    );
}

#[tokio::test]
async fn a_full_batch_arrives_in_order() {
    let backend = Backend::start(&[]);
    let mut socket = backend.gateway.user("ann", &["t"]).await;
    let items: Vec<Value> =
        (1..=1000).map(|number| json!({ "topic": "t", "payload": number })).collect();
    let results = backend.batch(&json!(items)).await;
    assert!(
        results
            .iter()
            .zip(1..)
            .all(|(result, number)| result["seqNo"] == number && result["status"] == "ok")
    );
    for number in 1..=1000 {
        let message = socket.next().await;
        assert_eq!((&message["seqNo"], &message["data"]), (&json!(number), &json!(number)));
    }
    let (status, problem) = backend.publish(&json!(vec![0; 1001]).to_string()).await;
    assert_eq!((status, &problem["code"]), (413, &json!("MESSAGE_TOO_LARGE")));
}

#[tokio::test]
async fn in_jwt_mode_demo_is_off_unless_configured_and_then_asks_for_a_key() {
    let jwt = [
        ("MICRO_SOCKET_AUTH__MODE", "jwt"),
        ("MICRO_SOCKET_AUTH__JWT_SECRET", "a secret of at least thirty-two bytes"),
    ];
    let backend = Backend::start(&jwt);
    assert_eq!(backend.gateway.get("/demo/publish/t?a=1").await.status(), 404);
    let backend = Backend::start(&[jwt[0], jwt[1], ("MICRO_SOCKET_HTTP__DEMO", "true")]);
    let response = backend.gateway.get("/demo/publish/t?a=1").await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "AUTH_FAILED");
    let key = format!("Bearer {KEY}");
    let response = backend
        .gateway
        .request(Method::GET, "/demo/publish/t?a=1", &[("authorization", &key)])
        .await;
    assert_eq!(response.status(), 200);
}
