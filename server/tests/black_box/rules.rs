//! The topics that users may use, in `jwt` mode.

use serde_json::{Value, json};

use crate::gateway::{Gateway, Socket};
use crate::issuer::{BY_SECRET, token};

/// A socket of `user` whose token has these rules, without subscriptions.
async fn user(gateway: &Gateway, user: &str, topics: Value) -> Socket {
    let mut socket = gateway.connect("/ws").await;
    let answer = socket
        .ask(&json!({ "type": "setup", "token": token(user, json!({ "topics": topics })) }))
        .await;
    assert_eq!(answer["type"], "ready", "{answer}");
    socket
}

async fn subscribe(socket: &mut Socket, topic: &str) -> Value {
    socket.ask(&json!({ "type": "subscribe", "topic": topic })).await
}

async fn publish(socket: &mut Socket, topic: &str) -> Value {
    socket
        .ask(&json!({ "type": "publish", "topic": topic, "messageId": topic, "payload": null }))
        .await
}

fn assert_forbidden(answer: &Value, topic: &str) {
    assert_eq!(
        (&answer["type"], &answer["code"]),
        (&json!("error"), &json!("FORBIDDEN")),
        "{topic}: {answer}"
    );
    assert_eq!(answer["topic"], topic);
}

#[tokio::test]
async fn the_claim_says_what_is_open() {
    let gateway = Gateway::start(&BY_SECRET);
    let rules = json!({ "subscribe": ["prices.*", "news.>", "inbox.{userId}"], "publish": ["orders.{userId}.>"] });
    let mut ann = user(&gateway, "ann", rules).await;
    for topic in ["prices.eur", "news.de", "news.de.sport", "inbox.ann"] {
        assert_eq!(subscribe(&mut ann, topic).await["type"], "subscribed", "{topic}");
        let refused = publish(&mut ann, topic).await;
        assert_forbidden(&refused, topic);
        assert_eq!(refused["messageId"], topic);
    }
    for topic in
        ["prices", "prices.eur.bid", "news", "inbox.bob", "inbox.ann.x", "inbox.{userId}", "other"]
    {
        assert_forbidden(&subscribe(&mut ann, topic).await, topic);
    }
    assert_eq!(publish(&mut ann, "orders.ann.1").await["type"], "ack");
    for topic in ["orders.ann", "orders.bob.1"] {
        assert_forbidden(&publish(&mut ann, topic).await, topic);
    }
    assert_eq!(gateway.json("/stats").await["subscriptions"], 4);
}

#[tokio::test]
async fn no_rule_no_access() {
    let gateway = Gateway::start(&BY_SECRET);
    let mut ann = gateway.connect("/ws").await;
    assert_eq!(
        ann.ask(&json!({ "type": "setup", "token": token("ann", json!({})) })).await["type"],
        "ready"
    );
    assert_forbidden(&subscribe(&mut ann, "t").await, "t");
    assert_forbidden(&publish(&mut ann, "t").await, "t");
    assert_eq!(
        gateway.counts().await,
        json!({ "connections": 1, "topics": 0, "subscriptions": 0 })
    );
}

#[tokio::test]
async fn the_configuration_counts_where_there_is_no_claim() {
    let gateway = Gateway::start(&[
        BY_SECRET[0],
        BY_SECRET[1],
        ("MICRO_SOCKET_ACCESS__DEFAULT_SUBSCRIBE", "news.>, inbox.{userId}"),
        ("MICRO_SOCKET_ACCESS__DEFAULT_PUBLISH", "inbox.*"),
    ]);
    let mut ann = gateway.connect("/ws").await;
    assert_eq!(
        ann.ask(&json!({ "type": "setup", "token": token("ann", json!({})) })).await["type"],
        "ready"
    );
    assert_eq!(subscribe(&mut ann, "inbox.ann").await["type"], "subscribed");
    assert_forbidden(&subscribe(&mut ann, "inbox.bob").await, "inbox.bob");
    assert_eq!(publish(&mut ann, "inbox.bob").await["type"], "ack");
    let mut bob = user(&gateway, "bob", json!({ "subscribe": ["prices"] })).await;
    assert_forbidden(&subscribe(&mut bob, "inbox.bob").await, "inbox.bob");
    assert_forbidden(&publish(&mut bob, "inbox.bob").await, "inbox.bob");
}

#[tokio::test]
async fn setup_refuses_what_is_closed_and_goes_on() {
    let gateway = Gateway::start(&BY_SECRET);
    let mut socket = gateway.connect("/ws/sub/closed").await;
    let rules = json!({ "topics": { "subscribe": ["open", "also-open"] } });
    socket
        .send(&json!({ "type": "setup", "token": token("ann", rules), "topics": ["open", "also-closed", "also-open"] }).to_string())
        .await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last: &Value| last[0] != "ready") {
        let answer = socket.next().await;
        seen.push(json!([answer["type"], answer["topic"], answer["code"]]));
    }
    let expected = [
        json!(["error", "closed", "FORBIDDEN"]),
        json!(["subscribed", "open", null]),
        json!(["error", "also-closed", "FORBIDDEN"]),
        json!(["subscribed", "also-open", null]),
        json!(["ready", null, null]),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn an_id_with_wildcards_opens_nothing_more() {
    let gateway = Gateway::start(&BY_SECRET);
    let rules = json!({ "subscribe": ["inbox.{userId}"], "publish": [] });
    // A name that would be a pattern is not a topic, even as the user's own.
    for (id, own) in [
        ("*", "error"),
        (">", "error"),
        ("ann.>", "error"),
        ("ann*", "subscribed"),
        ("{userId}", "subscribed"),
    ] {
        let mut socket = user(&gateway, id, rules.clone()).await;
        assert_forbidden(&subscribe(&mut socket, "inbox.ann").await, "inbox.ann");
        assert_forbidden(&subscribe(&mut socket, "inbox.ann.secret").await, "inbox.ann.secret");
        assert_eq!(subscribe(&mut socket, &format!("inbox.{id}")).await["type"], own);
    }
}

#[tokio::test]
async fn a_renewal_takes_away_what_the_fresh_token_does_not_cover() {
    let gateway = Gateway::start(&BY_SECRET);
    let both = json!({ "subscribe": ["a", "b"], "publish": ["a", "b"] });
    let mut ann = user(&gateway, "ann", both.clone()).await;
    for topic in ["a", "b"] {
        subscribe(&mut ann, topic).await;
    }
    let fewer = token("ann", json!({ "topics": { "subscribe": ["b"], "publish": ["b"] } }));
    let gone = ann.ask(&json!({ "type": "setup", "token": fewer })).await;
    assert_eq!(gone, json!({ "type": "unsubscribed", "topic": "a", "code": "FORBIDDEN" }));
    assert_eq!(ann.next().await["type"], "ready");
    let mut bob = user(&gateway, "bob", both).await;
    for topic in ["a", "b"] {
        assert_eq!(publish(&mut bob, topic).await["type"], "ack");
    }
    assert_eq!(ann.next().await["topic"], "b", "nothing of a comes any more");
    assert_forbidden(&publish(&mut ann, "a").await, "a");
    assert_forbidden(&subscribe(&mut ann, "a").await, "a");
}

#[tokio::test]
async fn a_resumed_session_is_held_to_the_present_rules() {
    let gateway = Gateway::start(&BY_SECRET);
    let mut first = gateway.connect("/ws").await;
    let both = token("ann", json!({ "topics": { "subscribe": ["a", "b"] } }));
    first.send(&json!({ "type": "setup", "token": both, "topics": ["a", "b"] }).to_string()).await;
    first.next().await;
    first.next().await;
    let session = first.next().await["sessionId"].clone();
    drop(first);
    let fewer = token("ann", json!({ "topics": { "subscribe": ["b"] } }));
    let mut second = gateway.connect("/ws").await;
    second
        .send(&json!({ "type": "setup", "token": fewer, "sessionId": session }).to_string())
        .await;
    assert_forbidden(&second.next().await, "a");
    assert_eq!(second.next().await["topic"], "b");
    let ready = second.next().await;
    assert_eq!((&ready["type"], &ready["resumed"]), (&json!("ready"), &json!(true)));
    drop(second);
    let mut third = gateway.connect("/ws").await;
    third.send(&json!({ "type": "setup", "token": both, "sessionId": session }).to_string()).await;
    assert_eq!(third.next().await["topic"], "b", "what was refused has left the session");
    assert_eq!(third.next().await["type"], "ready");
}
