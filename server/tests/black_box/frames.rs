//! The exact fields of each frame, and the answers to invalid frames.

use crate::gateway::Gateway;
use serde_json::{Value, json};

fn keys(frame: &Value) -> Vec<&str> {
    frame.as_object().unwrap().keys().map(String::as_str).collect()
}

fn error<'a>(frame: &'a Value, code: &str) -> &'a str {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
    frame["message"].as_str().unwrap()
}

#[tokio::test]
async fn the_answers_have_exactly_their_fields() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    let subscribed =
        socket.ask(&json!({ "type": "setup", "token": "demo-user", "topics": ["prices"] })).await;
    assert_eq!(keys(&subscribed), ["type", "topic", "seqNo", "epoch"]);
    assert_eq!((&subscribed["topic"], &subscribed["seqNo"]), (&json!("prices"), &json!(0)));
    let epoch = subscribed["epoch"].as_str().unwrap();
    assert!(
        (1..=64).contains(&epoch.len())
            && epoch.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    );

    let ready = socket.next().await;
    assert_eq!(keys(&ready), ["type", "sessionId", "limits"]);
    assert!(ready["sessionId"].as_str().unwrap().len() >= 22, "128 bits");
    assert_eq!(
        ready["limits"],
        json!({ "maxFrame": 65_536, "maxSubscriptions": 1_000, "sessionTtlMs": 120_000, "dedupWindowMs": 120_000, "pingMs": 25_000 })
    );

    let ack = socket.ask(&json!({ "type": "publish", "topic": "prices", "messageId": "k", "payload": { "bid": 1 } })).await;
    assert_eq!(
        ack,
        json!({ "type": "ack", "messageId": "k", "status": "ok", "topic": "prices", "seqNo": 1 })
    );
    let message = socket.next().await;
    assert_eq!(
        message,
        json!({ "type": "message", "topic": "prices", "seqNo": 1, "messageId": "k", "data": { "bid": 1 } })
    );
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await, json!({ "type": "pong" }));
    let unsubscribed = socket.ask(&json!({ "type": "unsubscribe", "topic": "prices" })).await;
    assert_eq!(unsubscribed, json!({ "type": "unsubscribed", "topic": "prices" }));
    let again = socket.ask(&json!({ "type": "unsubscribe", "topic": "never" })).await;
    assert_eq!(again, json!({ "type": "unsubscribed", "topic": "never" }));
}

#[tokio::test]
async fn payloads_arrive_byte_for_byte() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    let payloads = [
        r#"{"b":1.00000000000000000001,"\udfff":"\u00e9\/\ud800", "b" : 2}"#,
        "1e999",
        "-0.0",
        "null",
        "[ ]",
        "\"\u{e9}\u{1f600}\"",
        "{\n}",
        &deep,
    ];
    for (seq_no, payload) in (1..).zip(payloads) {
        socket
            .send(&format!(
                r#"{{"type":"publish","topic":"t","messageId":"{seq_no}","payload":{payload}}}"#
            ))
            .await;
        assert_eq!(socket.next().await["seqNo"], seq_no);
        let expected = format!(
            r#"{{"type":"message","topic":"t","seqNo":{seq_no},"messageId":"{seq_no}","data":{payload}}}"#
        );
        assert_eq!(socket.next_text().await, expected);
    }
}

#[tokio::test]
async fn names_with_quotes_and_escapes_are_the_same_everywhere() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u\"\\", &["a \"b\" \\ ä/ö"]).await;
    let ack = socket.ask(&json!({ "type": "publish", "topic": "a \"b\" \\ ä/ö", "messageId": "\"\\é", "payload": null })).await;
    assert_eq!((&ack["topic"], &ack["messageId"]), (&json!("a \"b\" \\ ä/ö"), &json!("\"\\é")));
    let message = socket.next().await;
    assert_eq!(
        (&message["topic"], &message["messageId"]),
        (&json!("a \"b\" \\ ä/ö"), &json!("\"\\é"))
    );
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_receipts_are_not_answered() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &["t"]).await;
    let answer = socket.ask(&json!({ "type": "ping", "topic": 5, "more": { "type": [] } })).await;
    assert_eq!(answer["type"], "pong");
    let receipts = [
        json!({ "type": "ack", "topic": "t", "seqNo": 0 }),
        json!({ "type": "ack", "topic": "t", "seqNo": 99, "epoch": "other" }),
        json!({ "type": "ack", "topic": "unknown", "seqNo": 1 }),
        json!({ "type": "ping" }),
    ];
    socket.pipeline(&receipts).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[tokio::test]
async fn what_is_json_is_never_refused_as_none() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &[]).await;
    for _ in 0..25 {
        socket.send(r#"{"type":"ping","\ud800":1,"\udc00\ud800":"\udfff","\ud83c\udf88":{"\ud800":[]}}"#).await;
        assert_eq!(socket.next().await["type"], "pong");
    }
}

#[tokio::test]
async fn a_null_in_a_map_of_setup_counts_as_left_out() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": "u", "topics": ["a", "b"], "lastSeq": { "a": null, "b": 0 }, "epoch": { "a": null } });
    let first = socket.ask(&setup).await;
    assert_eq!((&first["topic"], first.get("recovered")), (&json!("a"), None));
    let second = socket.next().await;
    assert_eq!((&second["topic"], &second["recovered"]), (&json!("b"), &json!(true)));
    assert_eq!(socket.next().await["type"], "ready");
}

#[tokio::test]
async fn each_fault_has_its_code_says_what_is_wrong_and_changes_nothing() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__INVALID_FRAMES", "100")]);
    let mut socket = gateway.user("u", &["t"]).await;
    let faults = [
        ("", "INVALID_JSON", "JSON"),
        ("{", "INVALID_JSON", "JSON"),
        ("nonsense", "INVALID_JSON", "JSON"),
        (r#"{"type":"ping"}{"type":"ping"}"#, "INVALID_JSON", "JSON"),
        ("[]", "INVALID_MESSAGE", "object"),
        ("17", "INVALID_MESSAGE", "object"),
        ("{}", "INVALID_MESSAGE", "type"),
        (r#"{"type":5}"#, "INVALID_MESSAGE", "type"),
        (r#"{"type":"ping","type":"ping"}"#, "INVALID_MESSAGE", "twice"),
        (r#"{"type":"ping","other":1,"other":1}"#, "INVALID_MESSAGE", "twice"),
        (r#"{"type":"publish","topic":"t"}"#, "INVALID_MESSAGE", "messageId"),
        (r#"{"type":"publish","topic":"t","messageId":""}"#, "INVALID_MESSAGE", "messageId"),
        (r#"{"type":"publish","topic":"t","messageId":7}"#, "INVALID_MESSAGE", "messageId"),
        (
            "{\"type\":\"publish\",\"topic\":\"t\",\"messageId\":\"a\\u0000\"}",
            "INVALID_MESSAGE",
            "messageId",
        ),
        (
            r#"{"type":"publish","topic":"t","messageId":"m"}"#,
            "INVALID_MESSAGE",
            "payload is missing",
        ),
        (
            r#"{"type":"publish","topic":"t","messageId":"m","data":1}"#,
            "INVALID_MESSAGE",
            "\"data\"",
        ),
        (
            r#"{"type":"publish","topic":"t","messageId":"\udc00","payload":1}"#,
            "INVALID_MESSAGE",
            "messageId",
        ),
        (r#"{"type":"ping","\ud800":1,"\uD800":1}"#, "INVALID_MESSAGE", "twice"),
        (r#"{"type":"subscribe"}"#, "INVALID_MESSAGE", "topic"),
        (r#"{"type":"subscribe","topic":["t"]}"#, "INVALID_MESSAGE", "topic"),
        (
            r#"{"type":"subscribe","topic":"x","lastSeq":9007199254740992}"#,
            "INVALID_MESSAGE",
            "lastSeq",
        ),
        (r#"{"type":"ack","topic":"t"}"#, "INVALID_MESSAGE", "seqNo"),
        (r#"{"type":"Ping"}"#, "UNKNOWN_TYPE", "Ping"),
        (r#"{"type":"subscribe","topic":""}"#, "INVALID_TOPIC", "empty"),
    ];
    for (frame, code, part) in faults {
        socket.send(frame).await;
        let answer = socket.next().await;
        assert!(error(&answer, code).contains(part), "{frame}: {answer}");
    }
    assert_eq!(
        gateway.counts().await,
        json!({ "connections": 1, "topics": 1, "subscriptions": 1 })
    );
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": null }))
            .await["seqNo"],
        1
    );
}

#[tokio::test]
async fn an_error_names_what_it_answers() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &[]).await;
    let answer = socket.ask(&json!({ "type": "publish", "topic": "$sys", "messageId": "m" })).await;
    error(&answer, "INVALID_TOPIC");
    assert_eq!((&answer["topic"], &answer["messageId"]), (&json!("$sys"), &json!("m")));
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_requests() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &[]).await;
    let requests: Vec<Value> = (0..400)
        .map(|i| match i % 4 {
            0 => json!({ "type": "publish", "topic": "elsewhere", "messageId": i.to_string(), "payload": null }),
            1 => json!({ "type": "subscribe", "topic": format!("t{i}") }),
            2 => json!({ "type": "unsubscribe", "topic": format!("t{}", i - 1) }),
            _ => json!({ "type": "subscribe", "topic": " " }),
        })
        .collect();
    socket.pipeline(&requests).await;
    for (i, request) in requests.iter().enumerate() {
        let answer = socket.next().await;
        let kind = ["ack", "subscribed", "unsubscribed", "error"][i % 4];
        assert_eq!((&answer["type"], &answer["topic"]), (&json!(kind), &request["topic"]), "{i}");
    }
}
