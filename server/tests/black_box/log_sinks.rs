//! Standard error and standard output that take nothing: the gateway serves and stops as if they
//! took everything.

use crate::{
    gateway::{Gateway, Socket},
    issuer::{BY_SECRET, KeyServer, Signer, claims, token},
    tls::Files,
};
use axum::http::StatusCode;
use futures_util::{FutureExt, future::join_all};
use serde_json::{Value, json};
use std::{
    fs::{File, read_dir},
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    panic::AssertUnwindSafe,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, unix::pipe},
    time::{sleep, timeout},
};

/// The time limit of every step of a test.
const LONGEST: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum Sink {
    /// Every write fails: the disk is full.
    Full,
    /// A pipe whose reader has gone.
    Closed,
    /// A full pipe that is not read: a write would block for ever.
    Stuck,
}

const SINKS: [Sink; 3] = [Sink::Full, Sink::Closed, Sink::Stuck];

impl Sink {
    /// The handle that the process writes to, and the end of the pipe that has to stay open.
    async fn open(self) -> (Stdio, Option<pipe::Receiver>) {
        if let Self::Full = self {
            return (File::options().write(true).open("/dev/full").unwrap().into(), None);
        }
        let (sender, receiver) = pipe::pipe().unwrap();
        if let Self::Closed = self {
            return (blocking(sender), None);
        }
        sender.writable().await.unwrap();
        while sender.try_write(&[b'x'; 4096]).is_ok() {}
        (blocking(sender), Some(receiver))
    }
}

fn blocking(sender: pipe::Sender) -> Stdio {
    let pipe: OwnedFd = sender.into_blocking_fd().unwrap();
    pipe.into()
}

/// A gateway that has something to log all the time.
struct Situation {
    gateway: Gateway,
    files: Files,
    issuer: KeyServer,
    _unread: Option<pipe::Receiver>,
}

impl Situation {
    async fn start(sink: Sink, format: &str, level: &str) -> Self {
        let (files, issuer) = (Files::new(), KeyServer::start(&[]).await);
        issuer.answer(StatusCode::INTERNAL_SERVER_ERROR, String::new());
        let (cert, key) = (files.cert(), files.key());
        let (log, unread) = sink.open().await;
        let mut environment = BY_SECRET.to_vec();
        environment.extend([
            ("MICRO_SOCKET_AUTH__JWKS_URL", issuer.url.as_str()),
            ("MICRO_SOCKET_ACCESS__DEFAULT_SUBSCRIBE", ">"),
            ("MICRO_SOCKET_ACCESS__DEFAULT_PUBLISH", ">"),
            ("MICRO_SOCKET_TLS__CERT_FILE", cert.to_str().unwrap()),
            ("MICRO_SOCKET_TLS__KEY_FILE", key.to_str().unwrap()),
            ("MICRO_SOCKET_LOG__FORMAT", format),
            ("MICRO_SOCKET_LOG__LEVEL", level),
            ("MICRO_SOCKET_LOG__QUEUE", "1"),
        ]);
        let gateway = Gateway::start_logging_to(&environment, log);
        Self { gateway, files, issuer, _unread: unread }
    }

    /// Start, connect, key fetch, descriptor limit, certificate reload, SIGTERM.
    async fn run(mut self) {
        let mut socket = self.files.connect(&self.gateway).await;
        socket.set_up(&token("u", json!({})), &["t"]).await;
        self.fetch_keys().await;
        self.run_out_of_descriptors(&mut socket).await;
        self.exchange_certificate().await;
        works(&mut socket, 2).await;
        assert!(self.dropped_lines().await > 0);
        signal(self.gateway.pid(), "-TERM");
        assert_eq!(socket.closed().await.0, Some(1001));
        drop(socket);
        assert!(self.gateway.ended());
    }

    async fn fetch_keys(&self) {
        let mut socket = self.files.connect(&self.gateway).await;
        let of_unknown_key = Signer::rsa().named("unknown").sign(&claims("u", json!({})));
        assert_eq!(
            socket.ask(&json!({ "type": "setup", "token": of_unknown_key })).await["type"],
            "error"
        );
        assert!(self.issuer.fetches() > 0);
    }

    async fn run_out_of_descriptors(
        &self,
        socket: &mut Socket<impl AsyncRead + AsyncWrite + Unpin>,
    ) {
        let limit = self.descriptors() + 3;
        self.limit_descriptors(limit);
        let flood = join_all((0..10).map(|_| TcpStream::connect(&self.gateway.address))).await;
        until("the descriptors are used up", async || self.descriptors() >= limit).await;
        works(socket, 1).await;
        drop(flood);
        until("a new client is served", async || self.files.is_shown_by(&self.gateway).await).await;
        self.limit_descriptors(1024);
    }

    fn descriptors(&self) -> usize {
        read_dir(format!("/proc/{}/fd", self.gateway.pid())).unwrap().count()
    }

    fn limit_descriptors(&self, limit: usize) {
        let pid = self.gateway.pid().to_string();
        assert!(
            Command::new("prlimit")
                .args(["--pid", &pid, &format!("--nofile={limit}:1024")])
                .status()
                .unwrap()
                .success()
        );
    }

    async fn exchange_certificate(&mut self) {
        self.files.exchange();
        // A client that trusts only the new certificate is refused until the gateway uses it.
        until("the new certificate is shown", async || self.files.is_shown_by(&self.gateway).await)
            .await;
    }

    async fn dropped_lines(&self) -> u64 {
        let (_, metrics) = self.files.get(&self.gateway, "/metrics").await;
        let metrics = String::from_utf8(metrics.to_vec()).unwrap();
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix("micro_socket_log_dropped_lines_total "));
        value.unwrap().parse().unwrap()
    }
}

/// A publish is delivered.
async fn works(socket: &mut Socket<impl AsyncRead + AsyncWrite + Unpin>, number: u64) {
    let publish = json!({ "type": "publish", "topic": "t", "messageId": number.to_string(), "payload": number });
    assert_eq!(socket.ask(&publish).await["status"], "ok");
    assert_eq!(socket.next().await["seqNo"], number);
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + LONGEST;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        // Nothing tells when another process has changed its state, so ask again.
        sleep(Duration::from_millis(20)).await;
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

async fn every_situation(sink: Sink) {
    let run = async |(format, level)| {
        let situations =
            AssertUnwindSafe(async { Situation::start(sink, format, level).await.run().await });
        assert!(situations.catch_unwind().await.is_ok(), "{sink:?}, {format}, {level}");
    };
    join_all([("text", "info"), ("text", "debug"), ("json", "info"), ("json", "debug")].map(run))
        .await;
}

#[tokio::test]
async fn a_full_disk() {
    every_situation(Sink::Full).await;
}

#[tokio::test]
async fn a_reader_that_has_gone() {
    every_situation(Sink::Closed).await;
}

#[tokio::test]
async fn a_pipe_that_nothing_reads() {
    every_situation(Sink::Stuck).await;
}

/// A process that is killed at the end of the test.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str], environment: &[(&str, &str)], out: Stdio, log: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
        Self(
            command
                .env_clear()
                .envs(environment.iter().copied())
                .args(arguments)
                .stdout(out)
                .stderr(log)
                .spawn()
                .unwrap(),
        )
    }

    async fn ended(&mut self) -> ExitStatus {
        let poll = async {
            loop {
                match self.0.try_wait().unwrap() {
                    Some(status) => return status,
                    // Only polling asks for the end of a process without blocking.
                    None => sleep(Duration::from_millis(5)).await,
                }
            }
        };
        timeout(LONGEST, poll).await.expect("the process ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_is_announced_on_standard_output_holds_up_nothing() {
    for sink in SINKS {
        let (out, _unread) = sink.open().await;
        let listen = ["--listen", "127.0.0.1:0"];
        let mut process =
            Process::start(&listen, &[("MICRO_SOCKET_LOG__FORMAT", "json")], out, Stdio::piped());
        let mut log = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let mut lines =
            log.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let start = lines.find(|line| line["message"] == "serving").unwrap();
        let url = format!("ws://{}/ws", start["listen"].as_str().unwrap());
        let mut socket = Socket(tokio_tungstenite::connect_async(url).await.unwrap().0);
        socket.set_up("u", &["t"]).await;
        signal(process.0.id(), "-TERM");
        assert_eq!(socket.closed().await.0, Some(1001), "{sink:?}");
        drop(socket);
        assert!(process.ended().await.success(), "{sink:?}");
    }
}

#[tokio::test]
async fn a_start_that_fails_says_so_or_not_but_ends() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for sink in SINKS {
        for listen in [taken.as_str(), "nonsense"] {
            let (log, _unread) = sink.open().await;
            let mut process = Process::start(&["--listen", listen], &[], Stdio::null(), log);
            assert_eq!(process.ended().await.code(), Some(1), "{sink:?} {listen}");
        }
    }
}
