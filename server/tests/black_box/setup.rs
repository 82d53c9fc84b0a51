//! The first frame: the user, and the order of the answers.

use crate::gateway::Gateway;
use serde_json::{Value, json};

#[tokio::test]
async fn everything_else_has_to_wait_for_it() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    let early = [
        json!({ "type": "subscribe", "topic": "t" }),
        json!({ "type": "subscribe", "topic": "" }),
        json!({ "type": "unsubscribe", "topic": "t" }),
        json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": null }),
        json!({ "type": "ack", "topic": "t", "seqNo": 1 }),
        json!({ "type": "ping" }),
    ];
    for frame in &early {
        let answer = socket.ask(frame).await;
        assert_eq!(answer["code"], "SETUP_REQUIRED", "{frame}");
        assert_eq!(
            (answer.get("topic"), answer.get("messageId")),
            (frame.get("topic"), frame.get("messageId"))
        );
    }
    assert_eq!(
        gateway.counts().await,
        json!({ "connections": 1, "topics": 0, "subscriptions": 0 })
    );
    assert_eq!(socket.ask(&json!({ "type": "setup", "token": "u" })).await["type"], "ready");
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": null }))
            .await["seqNo"],
        1,
        "nothing was stored before"
    );
    assert_eq!(
        socket.ask(&json!({ "type": "setup", "token": "u" })).await["code"],
        "ALREADY_SETUP"
    );
}

#[tokio::test]
async fn the_url_first_then_the_topics_in_order_without_repeats_then_ready() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/prices").await;
    let topics = json!(["b", "$refused", "prices", "a", "b", "$refused", "x\u{7f}"]);
    socket.send(&json!({ "type": "setup", "token": "u", "topics": topics }).to_string()).await;
    let expected = [
        json!(["subscribed", "prices"]),
        json!(["subscribed", "b"]),
        json!(["error", "$refused"]),
        json!(["subscribed", "a"]),
        json!(["error", "x\u{7f}"]),
        json!(["ready", null]),
    ];
    for expected in expected {
        let answer = socket.next().await;
        assert_eq!(json!([answer["type"], answer["topic"]]), expected);
        assert!(answer["type"] != "error" || answer["code"] == "INVALID_TOPIC");
    }
    assert_eq!(gateway.json("/stats").await["subscriptions"], 3);
}

#[tokio::test]
async fn a_topic_of_the_url_that_is_refused_gets_its_error_and_the_others_go_on() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/$sys").await;
    let refused = socket.ask(&json!({ "type": "setup", "token": "u", "topics": ["t"] })).await;
    assert_eq!((&refused["code"], &refused["topic"]), (&json!("INVALID_TOPIC"), &json!("$sys")));
    assert_eq!(
        (socket.next().await["type"].clone(), socket.next().await["type"].clone()),
        (json!("subscribed"), json!("ready"))
    );
}

#[tokio::test]
async fn a_sub_socket_may_do_everything() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/prices").await;
    assert_eq!(socket.ask(&json!({ "type": "setup", "token": "u" })).await["topic"], "prices");
    assert_eq!(socket.next().await["type"], "ready");
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "other" })).await["type"],
        "subscribed"
    );
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "other", "messageId": "1", "payload": null }))
            .await["type"],
        "ack"
    );
    assert_eq!(socket.next().await["topic"], "other");
    let published = gateway.json("/demo/publish/prices?bid=100&ask=101").await;
    assert_eq!((&published["ok"], &published["subscribers"]), (&json!(true), &json!(1)));
    let message = socket.next().await;
    assert_eq!(
        (&message["data"], &message["messageId"]),
        (&json!({ "bid": "100", "ask": "101" }), &published["messageId"])
    );
}

#[tokio::test]
async fn frames_may_follow_at_once() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws").await;
    let frames = [
        json!({ "type": "setup", "token": "u" }),
        json!({ "type": "subscribe", "topic": "t" }),
        json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": null }),
    ];
    socket.pipeline(&frames).await;
    for kind in ["ready", "subscribed", "ack", "message"] {
        assert_eq!(socket.next().await["type"], kind);
    }
}

#[tokio::test]
async fn a_wrong_token_may_be_tried_again() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/t").await;
    for token in ["", "with\u{1}control"] {
        let answer = socket.ask(&json!({ "type": "setup", "token": token, "topics": ["a"] })).await;
        assert_eq!(answer["code"], "AUTH_FAILED");
    }
    assert_eq!(
        socket.ask(&json!({ "type": "setup", "token": "x".repeat(256) })).await["topic"],
        "t"
    );
    assert_eq!(socket.next().await["type"], "ready");
    assert_eq!(gateway.json("/stats").await["subscriptions"], 1);
}

#[tokio::test]
async fn an_unknown_session_is_a_new_one_and_a_position_is_judged() {
    let gateway = Gateway::start(&[]);
    let mut first = gateway.user("u", &["t", "empty"]).await;
    let epoch = first.ask(&json!({ "type": "subscribe", "topic": "t" })).await["epoch"].clone();
    assert_eq!(
        first
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": null }))
            .await["seqNo"],
        1
    );

    let mut socket = gateway.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": "u", "topics": ["t", "empty", "plain"], "sessionId": "unknown",
        "lastSeq": { "t": 1, "empty": 0, "not-asked-for": 5 }, "epoch": { "t": epoch } });
    socket.send(&setup.to_string()).await;
    let recovered: Vec<Value> = [socket.next().await, socket.next().await, socket.next().await]
        .map(|a| a["recovered"].clone())
        .into();
    assert_eq!(recovered, [json!(true), json!(true), Value::Null]);
    assert_eq!(socket.next().await["resumed"], false);

    let mut late = gateway.user("u", &[]).await;
    for (position, expected) in [
        (json!({ "lastSeq": 1, "epoch": epoch }), json!(true)),
        (json!({ "lastSeq": 1 }), json!(true)),
        (json!({ "lastSeq": 2 }), json!(false)),
        (json!({ "lastSeq": 1, "epoch": "another" }), json!(false)),
        (json!({ "epoch": epoch }), Value::Null),
    ] {
        let mut frame = json!({ "type": "subscribe", "topic": "t" });
        frame.as_object_mut().unwrap().extend(position.as_object().unwrap().clone());
        let answer = late.ask(&frame).await;
        assert_eq!((&answer["recovered"], &answer["seqNo"]), (&expected, &json!(1)), "{position}");
        let again = late.ask(&json!({ "type": "subscribe", "topic": "t" })).await;
        assert_eq!(again.get("recovered"), None, "the subscription runs already");
        late.ask(&json!({ "type": "unsubscribe", "topic": "t" })).await;
    }
}
