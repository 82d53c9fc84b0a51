//! The allowed names of topics, their number, and how long their numbering is remembered.

use crate::gateway::Gateway;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn names() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &[]).await;
    let long = "ä".repeat(128);
    for good in ["a", "a b", "prices.eur/usd", "x$", "a*.b>", "a..b", "ä€😀", &long] {
        let answer = socket.ask(&json!({ "type": "subscribe", "topic": good })).await;
        assert_eq!((&answer["type"], &answer["topic"]), (&json!("subscribed"), &json!(good)));
    }
    let too_long = format!("{long}a");
    for bad in [
        "",
        " a",
        "a ",
        "\u{a0}a",
        "a\nb",
        "a\u{85}b",
        "\u{7f}",
        "\u{feff}a",
        "$",
        "$sys",
        "*",
        ">",
        "prices.*",
        "a.>.b",
        &too_long,
    ] {
        for frame in [
            json!({ "type": "subscribe", "topic": bad }),
            json!({ "type": "unsubscribe", "topic": bad }),
            json!({ "type": "publish", "topic": bad, "messageId": "m", "payload": null }),
        ] {
            let answer = socket.ask(&frame).await;
            assert_eq!((&answer["code"], &answer["topic"]), (&json!("INVALID_TOPIC"), &json!(bad)));
        }
    }
}

#[tokio::test]
async fn a_pattern_in_a_setup_is_refused_and_the_rest_goes_on() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/prices.%3E").await;
    socket
        .send(&json!({ "type": "setup", "token": "u", "topics": ["*", "prices"] }).to_string())
        .await;
    for pattern in ["prices.>", "*"] {
        let answer = socket.next().await;
        assert_eq!((&answer["code"], &answer["topic"]), (&json!("INVALID_TOPIC"), &json!(pattern)));
        assert!(
            answer["message"].as_str().unwrap().contains("patterns are for access rules"),
            "{answer}"
        );
    }
    assert_eq!(socket.next().await["topic"], "prices");
    assert_eq!(socket.next().await["type"], "ready");
}

#[tokio::test]
async fn over_http_the_same_rules_hold() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.user("u", &["a/b c"]).await;
    assert_eq!(gateway.json("/demo/publish/a%2Fb%20c?k=1&k=2").await["topic"], "a/b c");
    assert_eq!(socket.next().await["data"], json!({ "k": ["1", "2"] }));
    for bad in ["$sys", "%20a", "a%0Ab", "%FF", "%EF%BB%BFa", "*", "prices.%3E"] {
        let answer = gateway.get(&format!("/demo/publish/{bad}?k=1")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (400, &"application/problem+json".parse().unwrap())
        );
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "INVALID_TOPIC");
    }
}

#[tokio::test]
async fn at_the_limit_the_oldest_unused_one_goes_and_is_reborn_with_another_epoch() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__MAX_TOPICS", "3"),
        ("MICRO_SOCKET_HISTORY__MESSAGES", "0"),
    ]);
    let mut socket = gateway.user("u", &["kept"]).await;
    let first_life =
        socket.ask(&json!({ "type": "subscribe", "topic": "old" })).await["epoch"].clone();
    socket.ask(&json!({ "type": "unsubscribe", "topic": "old" })).await;
    let mut publish = 0;
    for (topic, seq_no) in [("young", 1), ("third", 1), ("young", 2)] {
        publish += 1;
        let ack = socket.ask(&json!({ "type": "publish", "topic": topic, "messageId": publish.to_string(), "payload": null })).await;
        assert_eq!(ack["seqNo"], seq_no, "{topic}");
    }
    let reborn = socket
        .ask(&json!({ "type": "subscribe", "topic": "old", "lastSeq": 0, "epoch": first_life }))
        .await;
    assert_eq!((&reborn["seqNo"], &reborn["recovered"]), (&json!(0), &json!(false)));
    assert_ne!(reborn["epoch"], first_life);
    assert_eq!(socket.ask(&json!({ "type": "subscribe", "topic": "young" })).await["seqNo"], 2);
    for frame in [
        json!({ "type": "subscribe", "topic": "one more" }),
        json!({ "type": "publish", "topic": "one more", "messageId": "x", "payload": null }),
    ] {
        let answer = socket.ask(&frame).await;
        assert_eq!(
            (&answer["code"], &answer["topic"]),
            (&json!("TOO_MANY_TOPICS"), &json!("one more"))
        );
        assert_eq!(answer.get("messageId"), frame.get("messageId"));
    }
    let problem = gateway.get("/demo/publish/one%20more").await;
    assert_eq!(problem.status().as_u16(), 503);
}

#[tokio::test]
async fn the_numbering_outlives_the_last_subscriber_by_meta_ttl() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_HISTORY__META_TTL", "300ms")]);
    let mut socket = gateway.user("u", &["t"]).await;
    let first = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await;
    socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
    let within = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await;
    assert_eq!(within["epoch"], first["epoch"]);
    socket.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
    // The test is about the end of `meta_ttl`, so it waits for it; expired topics are removed once
    // a second.
    tokio::time::sleep(Duration::from_millis(2000)).await;
    let later = socket.ask(&json!({ "type": "subscribe", "topic": "t" })).await;
    assert_ne!(later["epoch"], first["epoch"]);
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions_and_no_more() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__MAX_SUBSCRIPTIONS", "2")]);
    let mut socket = gateway.user("u", &["a", "b"]).await;
    let refused = socket.ask(&json!({ "type": "subscribe", "topic": "c" })).await;
    assert_eq!(
        (&refused["code"], &refused["topic"]),
        (&json!("TOO_MANY_SUBSCRIPTIONS"), &json!("c"))
    );
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "a" })).await["type"],
        "subscribed"
    );
    socket.ask(&json!({ "type": "unsubscribe", "topic": "a" })).await;
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "c" })).await["type"],
        "subscribed"
    );
}
