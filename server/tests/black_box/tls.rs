//! HTTPS and WSS with independent clients, certificates that change, and clients that break the
//! rules.

use crate::gateway::{Gateway, Socket};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

/// A certificate in two files.
pub(crate) struct Files {
    folder: TempDir,
    made: CertifiedKey<KeyPair>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), made: certificate() };
        files.write();
        files
    }

    fn write(&self) {
        std::fs::write(self.cert(), self.made.cert.pem()).unwrap();
        std::fs::write(self.key(), self.made.signing_key.serialize_pem()).unwrap();
    }

    /// Writes another certificate to the same files.
    pub(crate) fn exchange(&mut self) {
        self.made = certificate();
        self.write();
    }

    pub(crate) fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub(crate) fn gateway(&self, more: &[(&str, &str)]) -> Gateway {
        let (cert, key) = (self.cert(), self.key());
        let mut environment = vec![
            ("MICRO_SOCKET_TLS__CERT_FILE", cert.to_str().unwrap()),
            ("MICRO_SOCKET_TLS__KEY_FILE", key.to_str().unwrap()),
        ];
        environment.extend_from_slice(more);
        Gateway::start(&environment)
    }

    fn der(&self) -> CertificateDer<'static> {
        self.made.cert.der().clone()
    }

    /// A TLS connection that trusts only the present certificate.
    async fn tls(
        &self,
        gateway: &Gateway,
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(&gateway.address).await?;
        TlsConnector::from(Arc::new(config))
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
    }

    /// Whether a client that trusts only this certificate can connect.
    pub(crate) async fn is_shown_by(&self, gateway: &Gateway) -> bool {
        self.tls(gateway, &[&TLS13]).await.is_ok()
    }

    pub(crate) async fn connect(&self, gateway: &Gateway) -> Socket<TlsStream<TcpStream>> {
        web_socket(self.tls(gateway, &[&TLS13]).await.unwrap()).await
    }

    pub(crate) async fn user(
        &self,
        gateway: &Gateway,
        user: &str,
        topics: &[&str],
    ) -> Socket<TlsStream<TcpStream>> {
        let mut socket = self.connect(gateway).await;
        socket.set_up(user, topics).await;
        socket
    }

    /// Status and body.
    pub(crate) async fn get(&self, gateway: &Gateway, path: &str) -> (StatusCode, Bytes) {
        let stream = TokioIo::new(self.tls(gateway, &[&TLS13]).await.unwrap());
        let (mut requests, connection) = http1::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let request =
            Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap();
        let response = requests.send_request(request).await.unwrap();
        let answer = (response.status(), response.into_body().collect().await.unwrap().to_bytes());
        drop(requests);
        connection.await.unwrap().unwrap();
        answer
    }

    async fn subscriptions(&self, gateway: &Gateway) -> usize {
        let (_, body) = self.get(gateway, "/stats").await;
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["subscriptions"]
            .as_u64()
            .unwrap() as usize
    }
}

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

async fn web_socket(stream: TlsStream<TcpStream>) -> Socket<TlsStream<TcpStream>> {
    Socket(tokio_tungstenite::client_async("wss://localhost/ws", stream).await.unwrap().0)
}

fn publish(topic: &str, id: usize, payload: &str) -> serde_json::Value {
    json!({ "type": "publish", "topic": topic, "messageId": id.to_string(), "payload": payload })
}

#[tokio::test]
async fn https_and_nothing_else() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    assert_eq!(
        files.get(&gateway, "/healthz").await,
        (StatusCode::OK, Bytes::from_static(br#"{"ok":true}"#))
    );
    let (_, document) = files.get(&gateway, "/asyncapi.json").await;
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["servers"]["gateway"]["protocol"], "wss");
    let mut plain = TcpStream::connect(&gateway.address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer).await;
    assert!(!answer.windows(4).any(|bytes| bytes == b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn both_versions_of_tls() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    for version in [&TLS12, &TLS13] {
        let mut socket = web_socket(files.tls(&gateway, &[version]).await.unwrap()).await;
        socket.set_up("u", &["t"]).await;
        assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong");
    }
}

/// Frames in the same record as the opening handshake are not lost.
#[tokio::test]
async fn frames_behind_the_handshake() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    let mut stream = files.tls(&gateway, &[&TLS13]).await.unwrap();
    let mut bytes = crate::raw::opening("/ws/sub/t").into_bytes();
    bytes.extend(crate::raw::text(r#"{"type":"setup","token":"u"}"#));
    bytes.extend(crate::raw::text(r#"{"type":"ping"}"#));
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"type":"pong"}"#) {
        assert!(
            stream.read_buf(&mut answer).await.unwrap() > 0,
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[tokio::test]
async fn many_subscribers_see_one_order() {
    const SUBSCRIBERS: usize = 100;
    const MESSAGES: usize = 300;
    let files = Files::new();
    let gateway = files.gateway(&[]);
    let mut readers = Vec::new();
    for i in 0..SUBSCRIBERS {
        let mut socket = files.user(&gateway, &format!("u{i}"), &["t"]).await;
        readers.push(tokio::spawn(async move {
            for number in 1..=MESSAGES {
                let message = socket.next().await;
                assert_eq!(
                    (&message["seqNo"], &message["messageId"]),
                    (&json!(number), &json!(number.to_string()))
                );
            }
        }));
    }
    let mut publisher = files.user(&gateway, "publisher", &[]).await;
    for batch in 0..MESSAGES / 20 {
        let frames: Vec<_> = (1..=20).map(|i| publish("t", batch * 20 + i, "x")).collect();
        publisher.pipeline(&frames).await;
        for _ in &frames {
            assert_eq!(publisher.next().await["status"], "ok");
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Larger than a TLS record, a chunk of the session and the socket's buffers; the reader starts
/// late.
#[tokio::test]
async fn big_messages_arrive_whole() {
    const MESSAGES: usize = 40;
    const LEN: usize = 500_000;
    let files = Files::new();
    let limits =
        [("MICRO_SOCKET_LIMITS__MAX_FRAME", "1MiB"), ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "64MiB")];
    let gateway = files.gateway(&limits);
    let mut reader = files.user(&gateway, "reader", &["t"]).await;
    let mut publisher = files.user(&gateway, "publisher", &[]).await;
    let payload = |i: usize| char::from(b'a' + (i % 26) as u8).to_string().repeat(LEN + i);
    for i in 1..=MESSAGES {
        assert_eq!(publisher.ask(&publish("t", i, &payload(i))).await["status"], "ok");
    }
    for i in 1..=MESSAGES {
        let message = reader.next().await;
        assert_eq!(message["seqNo"], i);
        assert!(message["data"] == payload(i).as_str(), "message {i} is not what was published");
    }
}

#[tokio::test]
async fn a_slow_reader_is_told() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    let mut slow = files.user(&gateway, "slow", &["t"]).await;
    let mut quick = files.user(&gateway, "quick", &["t"]).await;
    let mut publisher = files.user(&gateway, "publisher", &[]).await;
    let payload = "x".repeat(60_000);
    let mut published = 0;
    // Until the slow one is closed, and so not subscribed any more.
    while files.subscriptions(&gateway).await == 2 {
        published += 1;
        assert!(published < 2_000, "it could go on for ever");
        assert_eq!(publisher.ask(&publish("t", published, &payload)).await["status"], "ok");
        assert_eq!(quick.next().await["seqNo"], published);
    }
    let (code, frames) = slow.closed().await;
    assert_eq!(code, Some(4290));
    for (i, frame) in frames.iter().enumerate() {
        assert_eq!(frame["seqNo"], i + 1);
    }
}

#[tokio::test]
async fn the_end_is_said_in_tls_too() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    let mut stream = files.tls(&gateway, &[&TLS13]).await.unwrap();
    stream.write_all(crate::raw::opening("/ws").as_bytes()).await.unwrap();
    stream.write_all(&crate::raw::frame(0x88, &1000u16.to_be_bytes())).await.unwrap();
    let mut answer = Vec::new();
    // Without a close_notify this would be an error, because the stream could have been cut.
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(&[0x88, 2, 0x03, 0xE8]), "{answer:?}");
}

#[tokio::test]
async fn a_certificate_swapped_under_load() {
    let mut files = Files::new();
    let gateway = files.gateway(&[]);
    let mut reader = files.user(&gateway, "reader", &["t"]).await;
    let mut publisher = files.user(&gateway, "publisher", &[]).await;
    let done = Arc::new(AtomicBool::new(false));
    let load = {
        let done = done.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while !done.load(Relaxed) {
                number += 1;
                assert_eq!(publisher.ask(&publish("t", number, "x")).await["seqNo"], number);
                assert_eq!(reader.next().await["seqNo"], number);
            }
            number
        })
    };
    let before = files.der();
    files.exchange();
    assert_ne!(before, files.der());
    let deadline = Instant::now() + Duration::from_secs(10);
    // A client that trusts only the new certificate is refused until the gateway uses it.
    while files.tls(&gateway, &[&TLS13]).await.is_err() {
        assert!(Instant::now() < deadline, "the certificate is still the old one");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    done.store(true, Relaxed);
    assert!(load.await.unwrap() > 10);
    files.user(&gateway, "later", &["t"]).await;
}

#[tokio::test]
async fn a_handshake_that_stops_half_way_is_dropped() {
    let files = Files::new();
    let gateway = files.gateway(&[("MICRO_SOCKET_TIMEOUTS__SETUP", "300ms")]);
    for start in [&b""[..], &[22, 3, 1, 2, 0, 1]] {
        let mut stream = TcpStream::connect(&gateway.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let began = Instant::now();
        let end =
            tokio::time::timeout(Duration::from_secs(10), stream.read_u8()).await.expect("dropped");
        assert!(end.is_err(), "{end:?}");
        assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    }
}

fn refusal(cert: &Path, key: Option<&Path>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
    command.env_clear().args(["--listen", "127.0.0.1:0"]).env("MICRO_SOCKET_TLS__CERT_FILE", cert);
    if let Some(key) = key {
        command.env("MICRO_SOCKET_TLS__KEY_FILE", key);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_start_without_a_key_that_fits_is_refused() {
    let (files, others) = (Files::new(), Files::new());
    assert!(
        refusal(&files.cert(), None).contains("tls.cert_file is given and tls.key_file is not")
    );
    let missing = files.folder.path().join("missing.pem");
    assert!(
        refusal(&files.cert(), Some(&missing))
            .contains("missing.pem: cannot be read: No such file")
    );
    let mismatch = refusal(&files.cert(), Some(&others.key()));
    assert!(
        mismatch.contains(others.key().to_str().unwrap()) && mismatch.contains("KeyMismatch"),
        "{mismatch}"
    );
    let no_key = refusal(&files.cert(), Some(&files.cert()));
    assert!(no_key.contains("no private key in PEM"), "{no_key}");
}
