//! Signatures, verified with the keys that `/.well-known/micro-socket-keys` publishes; keys from
//! the command line.

use crate::gateway::Gateway;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

const KEYS: &str = "/.well-known/micro-socket-keys";

fn generate(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_micro-socket"))
        .args(["keys", "generate"])
        .arg(file)
        .output()
        .unwrap()
}

fn key(folder: &TempDir, name: &str) -> PathBuf {
    let file = folder.path().join(name);
    let output = generate(&file);
    assert!(output.status.success(), "{output:?}");
    file
}

fn signing(current: &Path, previous: &[&Path]) -> Gateway {
    let previous: Vec<&str> = previous.iter().map(|path| path.to_str().unwrap()).collect();
    Gateway::start(&[
        ("MICRO_SOCKET_SIGNING__KEY_FILE", current.to_str().unwrap()),
        ("MICRO_SOCKET_SIGNING__PREVIOUS_KEY_FILES", &previous.join(",")),
    ])
}

/// Whether `frame`, a message as it was received, is signed by the key `jwk`.
fn is_signed_by(jwk: &Value, epoch: &str, frame: &str) -> bool {
    let message: Value = serde_json::from_str(frame).unwrap();
    let (_, data) = frame.split_once(r#","data":"#).unwrap();
    let (data, _) = data.rsplit_once(r#","sig":""#).unwrap();
    let text = |field: &str| message[field].as_str().unwrap().to_owned();
    let signed =
        format!("{}\n{epoch}\n{}\n{}\n{data}", text("topic"), message["seqNo"], text("messageId"));
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    UnparsedPublicKey::new(&ED25519, decode(jwk["x"].as_str().unwrap()))
        .verify(signed.as_bytes(), &decode(&text("sig")))
        .is_ok()
}

#[tokio::test]
async fn every_message_is_signed_as_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = signing(&key(&folder, "key.pem"), &[]);
    let jwk = gateway.json(KEYS).await["keys"][0].clone();
    assert_eq!(
        (&jwk["kty"], &jwk["crv"], &jwk["alg"], &jwk["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );

    let mut reader = gateway.connect("/ws").await;
    reader.send(r#"{"type":"setup","token":"reader","topics":["a\"b"]}"#).await;
    let epoch = reader.next().await["epoch"].as_str().unwrap().to_owned();
    assert_eq!(reader.next().await["type"], "ready");
    let mut publisher = gateway.user("publisher", &[]).await;
    let long = format!("\"{}\"", "x".repeat(60_000));
    for (i, payload) in
        ["null", r#"{ "b" : 1.50, "a": "\u00e4" }"#, "[\n1\n]", &long].into_iter().enumerate()
    {
        let publish = format!(
            r#"{{"type":"publish","topic":"a\"b","messageId":"m\\{i}","payload":{payload}}}"#
        );
        publisher.send(&publish).await;
        assert_eq!(publisher.next().await["status"], "ok");
        let frame = reader.next_text().await;
        assert!(is_signed_by(&jwk, &epoch, &frame), "{frame}");
        assert!(!is_signed_by(&jwk, "another", &frame));
        assert!(
            !is_signed_by(
                &jwk,
                &epoch,
                &frame.replacen(&format!(r#""seqNo":{}"#, i + 1), r#""seqNo":9"#, 1)
            ),
            "{frame}"
        );
    }
}

#[tokio::test]
async fn the_set_lists_the_present_key_first_for_any_page() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (key(&folder, "old.pem"), key(&folder, "new.pem"));
    let before = signing(&old, &[]).json(KEYS).await;
    let gateway = signing(&new, &[&old]);
    let response = gateway.get(KEYS).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/jwk-set+json");
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let after: Value = response.json().await.unwrap();
    assert_eq!(after["keys"].as_array().unwrap().len(), 2);
    assert_ne!(after["keys"][0], before["keys"][0]);
    assert_eq!(after["keys"][1], before["keys"][0]);
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let gateway = Gateway::start(&[]);
    assert_eq!(gateway.json(KEYS).await, json!({ "keys": [] }));
    let mut socket = gateway.user("u", &["t"]).await;
    let publish = json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": null });
    let frames = [socket.ask(&publish).await, socket.next().await];
    let message = frames.iter().find(|frame| frame["type"] == "message").unwrap();
    assert!(message.get("sig").is_none(), "{message}");
}

#[test]
fn a_key_is_made_for_its_owner_only_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = key(&folder, "key.pem");
    let made = std::fs::read(&file).unwrap();
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions())
            & 0o777,
        0o600
    );
    let again = generate(&file);
    assert!(
        !again.status.success()
            && String::from_utf8_lossy(&again.stderr).contains("is there already"),
        "{again:?}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), made);
}

#[test]
fn a_start_with_something_else_for_a_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no-key.pem");
    std::fs::write(&file, "nothing").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
    let output = command
        .env_clear()
        .args(["--listen", "127.0.0.1:0"])
        .env("MICRO_SOCKET_SIGNING__KEY_FILE", &file)
        .output()
        .unwrap();
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && reason.contains("no-key.pem: not an Ed25519 private key"),
        "{reason}"
    );
}
