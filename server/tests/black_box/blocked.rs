//! Files that would block the thread that reads them.

use crate::{gateway::Gateway, tls::Files};
use serde_json::json;
use std::{
    fs::{self, File},
    process::Command,
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_certificate_that_becomes_a_fifo_stops_nothing() {
    let files = Files::new();
    let log = files.cert().with_file_name("log");
    let environment = [
        ("MICRO_SOCKET_TLS__CERT_FILE", files.cert().to_str().unwrap().to_owned()),
        ("MICRO_SOCKET_TLS__KEY_FILE", files.key().to_str().unwrap().to_owned()),
        ("MICRO_SOCKET_TIMEOUTS__PING", "100ms".to_owned()),
    ];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let gateway = Gateway::start_logging_to(&environment, File::create(&log).unwrap());
    let mut socket = files.user(&gateway, "u", &["t"]).await;
    fs::remove_file(files.cert()).unwrap();
    assert!(Command::new("mkfifo").arg(files.cert()).status().unwrap().success());
    gateway.signal("HUP");
    let told = |log: &str| log.matches("cert.pem: is no regular file").count();
    // One line is from the reload, one from the periodic check; each heartbeat is an occasion to
    // read the log.
    let mut beats = 0..200;
    while told(&fs::read_to_string(&log).unwrap()) < 2 {
        assert!(beats.next().is_some(), "{}", fs::read_to_string(&log).unwrap());
        assert!(matches!(socket.read().await, Some(Message::Ping(_))), "no heartbeat");
    }
    let mut later = files.user(&gateway, "later", &[]).await;
    assert_eq!(later.ask(&json!({ "type": "ping" })).await["type"], "pong");
    gateway.signal("TERM");
    assert_eq!(socket.closed().await.0, Some(1001));
    drop((socket, later));
    assert!(gateway.ended());
}
