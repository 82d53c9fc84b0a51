//! The log: what it contains, and what it never contains.

use crate::gateway::Gateway;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

/// The log of a session with every kind of frame, and the session's secrets.
async fn log_of_a_session(format: &str) -> (String, [String; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let environment = [("MICRO_SOCKET_LOG__LEVEL", "trace"), ("MICRO_SOCKET_LOG__FORMAT", format)];
    let gateway = Gateway::start_logging_to(&environment, File::create(&file).unwrap());
    let (token, payload) = ("the-token-8c1f", "the-payload-77d0");
    let mut socket = gateway.connect("/ws").await;
    socket.send(&json!({ "type": "setup", "token": "", "topics": ["t"] }).to_string()).await;
    assert_eq!(socket.next().await["code"], "AUTH_FAILED");
    socket.send(&json!({ "type": "setup", "token": token, "topics": ["t"] }).to_string()).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    let session = socket.next().await["sessionId"].as_str().unwrap().to_owned();
    for frame in [
        json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": payload }),
        json!({ "type": payload, "token": token }),
    ] {
        socket.send(&frame.to_string()).await;
    }
    for _ in 0..3 {
        socket.next().await;
    }
    drop(socket);
    let mut socket = gateway.connect("/ws").await;
    socket
        .send(&json!({ "type": "setup", "token": token, "sessionId": session }).to_string())
        .await;
    assert_eq!(socket.next().await["type"], "subscribed");
    assert_eq!(gateway.get(&format!("/demo/publish/t?a={payload}")).await.status(), 200);
    assert_eq!(gateway.get(&format!("/nothing?token={token}")).await.status(), 404);
    drop(socket);
    gateway
        .stats_become(
            json!({ "connections": 0, "topics": 0, "subscriptions": 0 }),
            Duration::from_secs(10),
        )
        .await;
    drop(gateway);
    (
        std::fs::read_to_string(&file).unwrap(),
        [token.to_owned(), payload.to_owned(), session.clone(), session[..8].to_owned()],
    )
}

#[tokio::test]
async fn no_secret_and_no_payload_at_any_level() {
    for format in ["text", "json"] {
        let (log, secrets) = log_of_a_session(format).await;
        assert!(log.contains("a connection is set up"), "{log}");
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in\n{log}");
        }
    }
}

#[tokio::test]
async fn events_name_connection_and_session() {
    let (log, _) = log_of_a_session("json").await;
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let about = |message: &str| {
        events.iter().filter(|event| event["message"] == message).cloned().collect::<Vec<_>>()
    };
    let set_up = about("a connection is set up");
    assert_eq!(set_up.len(), 2);
    assert_eq!((&set_up[0]["resumed"], &set_up[1]["resumed"]), (&json!(false), &json!(true)));
    assert_eq!(set_up[0]["session"], set_up[1]["session"], "the session goes on");
    assert_ne!(set_up[0]["connection"], set_up[1]["connection"]);
    let errors = about("a client was told of an error");
    assert_eq!(
        errors.iter().map(|event| event["code"].as_str().unwrap()).collect::<Vec<_>>(),
        ["AUTH_FAILED", "UNKNOWN_TYPE"]
    );
    assert_eq!(errors[1]["connection"], set_up[0]["connection"]);
    let (connected, ended) = (about("a client has connected"), about("a connection has ended"));
    assert_eq!((connected.len(), ended.len()), (2, 2));
    for event in [connected, set_up, errors, ended].concat() {
        assert_eq!(
            (&event["client"], event["connection"].is_u64()),
            (&json!("127.0.0.1"), true),
            "{event}"
        );
    }
}

#[tokio::test]
async fn the_start_says_what_runs_where() {
    let (log, _) = log_of_a_session("json").await;
    let start: Value = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &Value| line["message"] == "serving")
        .unwrap();
    assert_eq!(
        (&start["version"], &start["mode"], &start["backbone"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!("demo"), &json!("memory"))
    );
    assert!(start["listen"].as_str().unwrap().starts_with("127.0.0.1:"), "{start}");
}

#[test]
fn a_start_that_fails_says_why_at_any_level_and_in_the_logs_format() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
        command
            .env_clear()
            .envs([("MICRO_SOCKET_LOG__FORMAT", format), ("MICRO_SOCKET_LOG__LEVEL", "off")]);
        let output = command.args(["--listen", &address]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let reason = format!("cannot listen on {address}");
    let text = failed("text");
    assert!(text.lines().count() == 1 && text.starts_with(&reason), "{text}");
    let line: Value = serde_json::from_str(&failed("json")).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().starts_with(&reason), "{line}");
}
