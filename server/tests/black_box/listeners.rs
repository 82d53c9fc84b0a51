//! The gateway's listeners: several addresses, Unix sockets, sockets that systemd hands over.

use crate::gateway::{Gateway, Socket};
use crate::http1::{get, on};
use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::FileTypeExt},
    path::Path,
    process::{Command, Stdio},
};
use tokio::net::UnixStream;

const BINARY: &str = env!("CARGO_BIN_EXE_micro-socket");

fn path_in(folder: &tempfile::TempDir) -> (String, String) {
    let path = folder.path().join("gateway.sock").to_str().unwrap().to_owned();
    (format!("unix:{path}"), path)
}

async fn is_healthy(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
) -> bool {
    get(stream, "/healthz", "").await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn on_several_addresses_at_one_free_port() {
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = path_in(&folder);
    let arguments =
        [BINARY, "--listen", &address, "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"];
    let mut gateway = Gateway::start_command(&arguments, &[], Stdio::inherit());
    let port = gateway.address.strip_prefix("127.0.0.1:").unwrap().to_owned();
    let lines = [gateway.line(), gateway.line(), gateway.line()];
    assert_eq!(
        lines,
        [
            format!("Playground: http://127.0.0.1:{port}/docs"),
            format!("Micro Socket listens on http://127.0.0.2:{port}"),
            format!("Micro Socket listens on {address}"),
        ]
    );
    assert!(is_healthy(&mut on(&gateway.address).await).await);
    assert!(is_healthy(&mut on(&format!("127.0.0.2:{port}")).await).await);
    assert!(is_healthy(&mut UnixStream::connect(&path).await.unwrap()).await);
}

#[tokio::test]
async fn behind_a_unix_socket_is_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = path_in(&folder);
    let arguments = [BINARY, "--listen", &address, "--listen", "127.0.0.1:0"];
    let _gateway = Gateway::start_command(
        &arguments,
        &[("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS_PER_IP", "1")],
        Stdio::inherit(),
    );
    let connect = async |forwarded: &str| {
        let stream = UnixStream::connect(&path).await.unwrap();
        let mut request =
            tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
                "ws://gateway/ws",
            )
            .unwrap();
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        Socket(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    };
    let mut first = connect("198.51.100.1").await;
    first.set_up("first", &["t"]).await;
    let mut second = connect("198.51.100.2").await;
    second.set_up("second", &["t"]).await;
    assert_eq!(connect("198.51.100.1").await.closed().await.0, Some(1013));
    let publish = serde_json::json!({ "type": "publish", "topic": "t", "messageId": "1", "payload": "x".repeat(50_000) });
    assert_eq!(first.ask(&publish).await["status"], "ok");
    for subscriber in [&mut first, &mut second] {
        assert_eq!(subscriber.next().await["seqNo"], 1);
    }
    assert!(
        is_healthy(&mut UnixStream::connect(&path).await.unwrap()).await,
        "without a proxy's header"
    );
}

#[tokio::test]
async fn a_unix_socket_comes_and_goes_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = path_in(&folder);
    let is_socket =
        || fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let start = || {
        let mut process = Command::new(BINARY)
            .env_clear()
            .args(["--listen", &address])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(process.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        assert_eq!(line, format!("Micro Socket listens on {address}\n"));
        process
    };
    let mut killed = start();
    let second = Command::new(BINARY).env_clear().args(["--listen", &address]).output().unwrap();
    let reason = String::from_utf8(second.stderr).unwrap();
    assert!(
        !second.status.success() && reason.contains(&format!("cannot listen on {address}: ")),
        "{reason}"
    );
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(is_socket(), "what a killed process leaves");
    let mut process = start();
    assert!(is_healthy(&mut UnixStream::connect(&path).await.unwrap()).await);
    assert!(
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success()
    );
    assert!(process.wait().unwrap().success());
    assert!(!Path::new(&path).exists());
}

/// As systemd does it: the socket is descriptor 3 of the process that the variables name.
#[tokio::test]
async fn sockets_that_are_handed_over_take_the_place_of_the_configuration() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    // This client connects before the gateway has started.
    let mut early = on(&address).await;
    let script = "exec 3<&0 0</dev/null && LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, BINARY, "--listen", "127.0.0.1:1"])
        .env_clear()
        .stdin(OwnedFd::from(socket));
    let gateway = Gateway::of(command, Stdio::inherit());
    assert_eq!(gateway.address, address);
    assert!(is_healthy(&mut early).await);
}

#[test]
fn what_is_handed_over_has_to_listen() {
    let script = "exec 3</dev/null && LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\"";
    let output = Command::new("sh").args(["-c", script, BINARY]).env_clear().output().unwrap();
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && reason.contains("cannot use socket 0 of LISTEN_FDS: "),
        "{reason}"
    );
}
