//! `jwt` mode: which tokens are accepted, for how long, and where the keys come from.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{Gateway, Socket};
use crate::issuer::{BY_SECRET, KeyServer, Signer, claims, in_seconds, token};

/// Every authenticated user may do everything.
const ALL: [(&str, &str); 2] = [
    ("MICRO_SOCKET_ACCESS__DEFAULT_SUBSCRIBE", ">"),
    ("MICRO_SOCKET_ACCESS__DEFAULT_PUBLISH", ">"),
];

fn start(environment: &[(&str, &str)]) -> Gateway {
    Gateway::start(&[environment, &ALL].concat())
}

/// The answer to a setup with this token, on a connection of its own: `ready`, or the code of the
/// error.
async fn setup(gateway: &Gateway, token: &str) -> String {
    let answer =
        gateway.connect("/ws").await.ask(&json!({ "type": "setup", "token": token })).await;
    answer["code"].as_str().unwrap_or(answer["type"].as_str().unwrap()).to_owned()
}

async fn connected(gateway: &Gateway, token: &str) -> Socket {
    let mut socket = gateway.connect("/ws").await;
    let answer = socket.ask(&json!({ "type": "setup", "token": token })).await;
    assert_eq!(answer["type"], "ready", "{answer}");
    socket
}

#[tokio::test]
async fn each_algorithm_by_its_key() {
    for (signer, pem) in [(Signer::rsa(), "rsa"), (Signer::ec(), "ec"), (Signer::ed(), "ed")] {
        let path = format!("{}/tests/keys/{pem}.pub.pem", env!("CARGO_MANIFEST_DIR"));
        let gateway =
            start(&[BY_SECRET[0], BY_SECRET[1], ("MICRO_SOCKET_AUTH__JWT_PUBLIC_KEY_FILE", &path)]);
        assert_eq!(
            setup(&gateway, &signer.sign(&claims("ann", json!({})))).await,
            "ready",
            "{pem}"
        );
        assert_eq!(
            setup(&gateway, &token("ann", json!({}))).await,
            "ready",
            "the secret counts beside it"
        );
        assert_eq!(
            setup(&gateway, &Signer::other_rsa().sign(&claims("ann", json!({})))).await,
            "AUTH_FAILED",
            "{pem}"
        );
    }
}

#[tokio::test]
async fn the_subject_is_the_user() {
    let gateway = start(&BY_SECRET);
    let publish = json!({ "type": "publish", "topic": "t", "messageId": "m", "payload": null });
    for (user, status) in [("ann", "ok"), ("ann", "duplicate"), ("bob", "ok")] {
        let mut socket = connected(&gateway, &token(user, json!({}))).await;
        assert_eq!(socket.ask(&publish).await["status"], status, "{user}");
    }
}

#[tokio::test]
async fn a_bad_token_is_told_three_times_and_then_the_connection_ends() {
    let gateway = start(&[
        BY_SECRET[0],
        BY_SECRET[1],
        ("MICRO_SOCKET_AUTH__LEEWAY", "0s"),
        ("MICRO_SOCKET_AUTH__AUDIENCE", "us"),
    ]);
    let mut socket = gateway.connect("/ws").await;
    let good = token("ann", json!({ "aud": "us" }));
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    for (token, code) in [
        (unsigned, "AUTH_FAILED"),
        (token("ann", json!({ "aud": "us", "exp": in_seconds(-5) })), "TOKEN_EXPIRED"),
        (token("ann", json!({ "aud": "others" })), "AUTH_FAILED"),
    ] {
        let answer = socket.ask(&json!({ "type": "setup", "token": token })).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)));
        assert!(
            !answer.to_string().contains(&token[..20]),
            "the token does not come back: {answer}"
        );
    }
    assert_eq!(socket.closed().await.0, Some(4401));
    assert_eq!(setup(&gateway, &good).await, "ready");
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_an_unknown_id() {
    let (old, new) = (Signer::rsa().named("old"), Signer::ed().named("new"));
    let issuer = KeyServer::start(&[&old]).await;
    let gateway = start(&issuer.environment("100ms"));
    issuer.is_asked(1).await;
    for _ in 0..5 {
        assert_eq!(setup(&gateway, &old.sign(&claims("ann", json!({})))).await, "ready");
    }
    assert_eq!(issuer.fetches(), 1);
    let rotated = new.sign(&claims("ann", json!({})));
    assert_eq!(
        until_fetched(&gateway, &rotated, &issuer, 2).await,
        "AUTH_FAILED",
        "the issuer does not know it either"
    );
    issuer.publish(&[&new]);
    assert_eq!(until_fetched(&gateway, &rotated, &issuer, 3).await, "ready");
    assert_eq!(
        setup(&gateway, &old.sign(&claims("ann", json!({})))).await,
        "AUTH_FAILED",
        "a key that was withdrawn"
    );
}

/// Tries this token until the keys were requested `count` times; returns the last answer.
async fn until_fetched(gateway: &Gateway, token: &str, issuer: &KeyServer, count: usize) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = setup(gateway, token).await;
        if issuer.fetches() >= count {
            return answer;
        }
        assert!(Instant::now() < deadline, "not fetched again: {answer}");
    }
}

#[tokio::test]
async fn garbage_does_not_hammer_the_issuer() {
    let good = Signer::ec().named("good");
    let issuer = KeyServer::start(&[&good]).await;
    let gateway = start(&issuer.environment("1h"));
    let garbage: Vec<String> = (0..40)
        .map(|n| Signer::ec().named(&format!("garbage-{n}")).sign(&claims("eve", json!({}))))
        .collect();
    let answers = join_all(garbage.iter().map(|token| setup(&gateway, token))).await;
    assert!(answers.iter().all(|answer| answer == "AUTH_FAILED"), "{answers:?}");
    assert_eq!(issuer.fetches(), 1, "one for all, and no second one within jwks_min_refresh");
    assert_eq!(setup(&gateway, &good.sign(&claims("ann", json!({})))).await, "ready");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn those_who_come_during_a_fetch_wait_for_it() {
    let signer = Signer::ed();
    let issuer = KeyServer::start(&[&signer]).await;
    let held = issuer.hold();
    let gateway = start(&issuer.environment("1h"));
    let token = signer.sign(&claims("ann", json!({})));
    let setups = join_all((0..10).map(|_| setup(&gateway, &token)));
    let release = async {
        issuer.is_asked(1).await;
        drop(held);
    };
    let (answers, ()) = tokio::join!(setups, release);
    assert!(answers.iter().all(|answer| answer == "ready"), "{answers:?}");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_setup_that_ends_early_does_not_stop_the_fetch() {
    let signer = Signer::ed();
    let issuer = KeyServer::start(&[&signer]).await;
    let [mode, url, refresh] = issuer.environment("1h");
    let held = issuer.hold();
    let gateway = start(&[mode, url, refresh, ("MICRO_SOCKET_TIMEOUTS__SETUP", "1s")]);
    let token = signer.sign(&claims("ann", json!({})));
    let mut impatient = gateway.connect("/ws").await;
    impatient.send(&json!({ "type": "setup", "token": token }).to_string()).await;
    issuer.is_asked(1).await;
    assert_eq!(impatient.closed().await.0, Some(4408));
    drop(held);
    assert_eq!(setup(&gateway, &token).await, "ready");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_that_fails_keeps_the_keys() {
    let (known, unknown) = (Signer::rsa().named("known"), Signer::ed().named("unknown"));
    let issuer = KeyServer::start(&[&known]).await;
    let gateway = start(&issuer.environment("100ms"));
    let (known, unknown) =
        (known.sign(&claims("ann", json!({}))), unknown.sign(&claims("ann", json!({}))));
    assert_eq!(setup(&gateway, &known).await, "ready");
    let large = format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(300 * 1024));
    for (count, (status, body)) in [
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, &large),
        (StatusCode::FOUND, ""),
    ]
    .into_iter()
    .enumerate()
    {
        issuer.answer(StatusCode::from_u16(status.as_u16()).unwrap(), body.to_owned());
        assert_eq!(
            until_fetched(&gateway, &unknown, &issuer, 2 + count).await,
            "BACKBONE_UNAVAILABLE",
            "{status}"
        );
        assert_eq!(setup(&gateway, &known).await, "ready", "{status}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_told_apart_from_a_wrong_token() {
    let issuer = KeyServer::start(&[]).await;
    issuer.answer(StatusCode::SERVICE_UNAVAILABLE, String::new());
    let (gateway, signer) = (start(&issuer.environment("100ms")), Signer::ec());
    let token = signer.sign(&claims("ann", json!({})));
    assert_eq!(setup(&gateway, &token).await, "BACKBONE_UNAVAILABLE");
    issuer.publish(&[&signer]);
    assert_eq!(until_fetched(&gateway, &token, &issuer, 2).await, "ready");
}

#[tokio::test]
async fn when_the_token_ends_so_does_the_connection() {
    // The client reads nothing until the token has expired.
    let queue = ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "256MiB");
    let gateway = start(&[BY_SECRET[0], BY_SECRET[1], ("MICRO_SOCKET_AUTH__LEEWAY", "0s"), queue]);
    let mut others = connected(&gateway, &token("bob", json!({}))).await;
    let mut socket = gateway.connect("/ws/sub/t").await;
    let exp = in_seconds(3);
    assert_eq!(
        socket.ask(&json!({ "type": "setup", "token": token("ann", json!({ "exp": exp })) })).await
            ["type"],
        "subscribed"
    );
    assert_eq!(socket.next().await["type"], "ready");
    let mut published = 0;
    while in_seconds(0) <= exp {
        published += 1;
        let answer = others.ask(&json!({ "type": "publish", "topic": "t", "messageId": published.to_string(), "payload": null })).await;
        assert_eq!(answer["seqNo"], published);
    }
    let (code, frames) = socket.closed().await;
    assert_eq!(code, Some(4401));
    let (last, messages) = frames.split_last().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("TOKEN_EXPIRED")));
    assert!(
        messages.iter().zip(1..).all(|(message, number)| message["seqNo"] == number),
        "in order, nothing behind the end"
    );
    assert!(
        !messages.is_empty() && messages.len() < usize::try_from(published).unwrap(),
        "{} of {published}",
        messages.len()
    );
}

#[tokio::test]
async fn a_fresh_token_keeps_the_connection() {
    let gateway = start(&[BY_SECRET[0], BY_SECRET[1], ("MICRO_SOCKET_AUTH__LEEWAY", "0s")]);
    let mut socket = gateway.connect("/ws/sub/t").await;
    let exp = in_seconds(3);
    socket.ask(&json!({ "type": "setup", "token": token("ann", json!({ "exp": exp })) })).await;
    let session = socket.next().await["sessionId"].clone();
    let answer = socket.ask(&json!({ "type": "setup", "token": token("ann", json!({})) })).await;
    assert_eq!((&answer["type"], &answer["sessionId"]), (&json!("ready"), &session));
    while in_seconds(0) <= exp + 1 {
        tokio::time::sleep(Duration::from_millis(100)).await; // The first token has to run out.
    }
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong");
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": null }))
            .await["type"],
        "ack"
    );
    assert_eq!(socket.next().await["type"], "message");
}

#[tokio::test]
async fn a_bad_renewal_changes_nothing() {
    let gateway = start(&BY_SECRET);
    let mut socket = gateway.connect("/ws/sub/t").await;
    socket.ask(&json!({ "type": "setup", "token": token("ann", json!({})) })).await;
    assert_eq!(socket.next().await["type"], "ready");
    assert_eq!(
        socket
            .ask(&json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": null }))
            .await["type"],
        "ack"
    );
    assert_eq!(socket.next().await["seqNo"], 1);
}

#[tokio::test]
async fn pages_of_this_machine_are_nothing_special_in_jwt_mode() {
    let gateway = start(&BY_SECRET);
    let handshake = |origin: &'static str| {
        let headers = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("origin", origin),
        ];
        let gateway = &gateway;
        async move { gateway.request(reqwest::Method::GET, "/ws", &headers).await.status().as_u16() }
    };
    assert_eq!(handshake("http://localhost:5173").await, 403);
    let own: &'static str = Box::leak(format!("http://{}", gateway.address).into_boxed_str());
    assert_eq!(handshake(own).await, 101);
}

#[tokio::test]
async fn claims_that_are_no_object_do_no_harm() {
    let gateway = start(&BY_SECRET);
    for claims in
        [json!([]), json!("ann"), Value::Null, json!({}), json!({ "sub": "ann", "exp": "soon" })]
    {
        assert_eq!(
            setup(&gateway, &Signer::secret().sign(&claims)).await,
            "AUTH_FAILED",
            "{claims}"
        );
    }
}

#[tokio::test]
async fn a_login_that_the_kept_keys_can_check_waits_for_no_fetch() {
    let (known, unknown) = (Signer::ec().named("known"), Signer::ed().named("unknown"));
    let issuer = KeyServer::start(&[&known]).await;
    let gateway = start(&issuer.environment("100ms"));
    let (known, unknown) =
        (known.sign(&claims("ann", json!({}))), unknown.sign(&claims("ann", json!({}))));
    assert_eq!(setup(&gateway, &known).await, "ready");
    let held = issuer.hold();
    let mut waiting = gateway.connect("/ws").await;
    while issuer.fetches() < 2 {
        waiting.send(&json!({ "type": "setup", "token": unknown }).to_string()).await;
        if tokio::time::timeout(Duration::from_millis(50), issuer.is_asked(2)).await.is_err() {
            waiting = gateway.connect("/ws").await; // It was told at once: the set is not old enough to be fetched again.
        }
    }
    assert_eq!(setup(&gateway, &known).await, "ready", "while a fetch is under way");
    drop(held);
    assert_eq!(waiting.next().await["code"], "AUTH_FAILED");
}

#[tokio::test]
async fn an_address_whose_tokens_are_refused_again_and_again_comes_last_but_is_let_in() {
    let gateway =
        start(&[BY_SECRET[0], BY_SECRET[1], ("MICRO_SOCKET_AUTH__AUTH_FAILURES_PER_IP", "2")]);
    for count in 0..3 {
        assert_eq!(
            gateway.metrics().await["micro_socket_deferred_setups_total"],
            0.0,
            "after {count}"
        );
        assert_eq!(setup(&gateway, "nonsense").await, "AUTH_FAILED");
    }
    assert_eq!(setup(&gateway, &token("ann", json!({}))).await, "ready");
    assert_eq!(gateway.metrics().await["micro_socket_deferred_setups_total"], 1.0);
}

#[tokio::test]
async fn the_metrics_tell_when_the_keys_were_fetched() {
    let issuer = KeyServer::start(&[&Signer::ec()]).await;
    let gateway = start(&issuer.environment("100ms"));
    assert_eq!(setup(&gateway, &Signer::ec().sign(&claims("ann", json!({})))).await, "ready");
    let metrics = gateway.metrics().await;
    assert_eq!(metrics["micro_socket_key_set_fetches_total{status=\"ok\"}"], 1.0);
    assert_eq!(metrics["micro_socket_key_set_fetches_total{status=\"failed\"}"], 0.0);
    assert!(
        (metrics["micro_socket_key_set_fetched_timestamp_seconds"] - in_seconds(0) as f64).abs()
            < 60.0
    );
}

/// The address of a key set may contain a password, or a key in its query.
#[tokio::test]
async fn the_log_shows_no_secret_of_an_address() {
    let signer = Signer::ec();
    let issuer = KeyServer::start(&[&signer]).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let url = issuer.url.replace("http://", "http://ann:hunter2@") + "?key=hunter3";
    let environment = [
        ("MICRO_SOCKET_AUTH__MODE", "jwt"),
        ("MICRO_SOCKET_AUTH__JWKS_URL", &url),
        ("MICRO_SOCKET_AUTH__JWKS_MIN_REFRESH", "100ms"),
        ("MICRO_SOCKET_LOG__LEVEL", "trace"),
    ];
    let gateway = Gateway::start_logging_to(&environment, std::fs::File::create(&log).unwrap());
    assert_eq!(setup(&gateway, &signer.sign(&claims("ann", json!({})))).await, "ready");
    assert_eq!(issuer.authorization().as_deref(), Some("Basic YW5uOmh1bnRlcjI="), "ann:hunter2");
    issuer.answer(StatusCode::FORBIDDEN, String::new());
    until_fetched(
        &gateway,
        &Signer::ed().named("unknown").sign(&claims("ann", json!({}))),
        &issuer,
        2,
    )
    .await;
    drop(issuer);
    drop(gateway);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(
        log.contains("fetched the key set") && log.contains("cannot fetch the key set"),
        "{log}"
    );
    for secret in ["hunter", "YW5uOmh1bnRlcjI="] {
        assert!(!log.contains(secret), "{log}");
    }
}
