//! `setup` on a connection that is set up already: with a fresh token, or with a token that is
//! refused.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{Gateway, Socket};
use crate::issuer::{BY_SECRET, KeyServer, Signer, claims, in_seconds, token};

/// A connection of `ann`, and the answer to its `setup`.
async fn ann(gateway: &Gateway, token: &str) -> (Socket, Value) {
    let mut socket = gateway.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": token });
    assert_eq!(socket.ask(&setup).await["type"], "ready");
    (socket, setup)
}

fn with(token: &str) -> Value {
    json!({ "type": "setup", "token": token })
}

#[tokio::test]
async fn the_third_token_in_a_row_that_is_refused_ends_the_connection() {
    let gateway = Gateway::start(&BY_SECRET);
    let refused = [
        (token("bob", json!({})), "AUTH_FAILED"),
        ("nonsense".to_owned(), "AUTH_FAILED"),
        (token("ann", json!({ "exp": in_seconds(-600) })), "TOKEN_EXPIRED"),
    ];
    let (mut socket, good) = ann(&gateway, &token("ann", json!({}))).await;
    for _ in 0..2 {
        for (token, code) in &refused[..2] {
            assert_eq!(socket.ask(&with(token)).await["code"], *code);
        }
        assert_eq!(
            socket.ask(&good).await["type"],
            "ready",
            "a good one between, and the count begins again"
        );
    }
    for (token, code) in &refused {
        assert_eq!(socket.ask(&with(token)).await["code"], *code);
    }
    assert_eq!(socket.closed().await.0, Some(4401));
}

#[tokio::test]
async fn a_token_of_another_user_counts_too() {
    let gateway = Gateway::start(&BY_SECRET);
    let (mut socket, _) = ann(&gateway, &token("ann", json!({}))).await;
    for _ in 0..3 {
        assert_eq!(socket.ask(&with(&token("bob", json!({})))).await["code"], "AUTH_FAILED");
    }
    assert_eq!(socket.closed().await.0, Some(4401));
}

#[tokio::test]
async fn a_token_that_cannot_be_checked_does_not_count() {
    let (known, unknown) = (Signer::ec().named("known"), Signer::ed().named("unknown"));
    let issuer = KeyServer::start(&[&known]).await;
    let gateway = Gateway::start(&issuer.environment("100ms"));
    let (mut socket, good) = ann(&gateway, &known.sign(&claims("ann", json!({})))).await;
    issuer.answer(StatusCode::SERVICE_UNAVAILABLE, String::new());
    let unknown = with(&unknown.sign(&claims("ann", json!({}))));
    while socket.ask(&unknown).await["code"] != "BACKBONE_UNAVAILABLE" {
        let answer = socket.ask(&good).await;
        assert_eq!(answer["type"], "ready", "the set is not fetched again yet: {answer}");
    }
    for _ in 0..4 {
        assert_eq!(socket.ask(&unknown).await["code"], "BACKBONE_UNAVAILABLE");
    }
    assert_eq!(socket.ask(&good).await["type"], "ready");
}

#[tokio::test]
async fn ready_tells_how_long_the_client_may_stay() {
    let gateway =
        Gateway::start(&[BY_SECRET[0], BY_SECRET[1], ("MICRO_SOCKET_AUTH__LEEWAY", "30s")]);
    let mut socket = gateway.connect("/ws").await;
    for seconds in [600, 60, 3600] {
        let answer = socket.ask(&with(&token("ann", json!({ "exp": in_seconds(seconds) })))).await;
        let (left, most) = (answer["expiresInMs"].as_i64().unwrap(), (seconds + 30) * 1000);
        assert!(left <= most && left > most - 20_000, "{seconds}: {answer}");
    }
    let for_ever = socket.ask(&with(&token("ann", json!({ "exp": 1e18 })))).await;
    assert_eq!((&for_ever["type"], for_ever.get("expiresInMs")), (&json!("ready"), None));
    let demo = Gateway::start(&[]);
    let ready = demo.connect("/ws").await.ask(&with("ann")).await;
    assert_eq!((&ready["type"], ready.get("expiresInMs")), (&json!("ready"), None));
}
