//! A gateway for one test: the real binary on a free port, ended with the test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Body, Client, Method, Response, redirect};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Gateway {
    process: Child,
    output: BufReader<ChildStdout>,
    pub(crate) address: String,
    client: Client,
}

impl Gateway {
    /// Starts with these environment variables over the defaults.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_logging_to(environment, Stdio::inherit())
    }

    pub(crate) fn start_logging_to(environment: &[(&str, &str)], log: impl Into<Stdio>) -> Self {
        Self::start_by(&[], environment, log)
    }

    /// Starts with these arguments as well.
    pub(crate) fn start_by(
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> Self {
        let command = [env!("CARGO_BIN_EXE_micro-socket"), "--listen", "127.0.0.1:0"];
        Self::start_command(&[&command, arguments].concat(), environment, log)
    }

    /// Starts by a program and its arguments.
    pub(crate) fn start_command(
        command: &[&str],
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> Self {
        let mut process = Command::new(command[0]);
        process.args(&command[1..]).env_clear().envs(environment.iter().copied());
        Self::of(process, log)
    }

    pub(crate) fn of(mut command: Command, log: impl Into<Stdio>) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        // reqwest needs an installed provider; the first test installs it.
        let _installed = ring::default_provider().install_default();
        let client =
            Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        let mut gateway = Self { process, output, address: String::new(), client };
        let line = gateway.line();
        let address = line.strip_prefix("Micro Socket listens on http").unwrap();
        gateway.address = address.trim_start_matches('s').strip_prefix("://").unwrap().to_owned();
        gateway
    }

    /// The next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, &[]).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        self.send(method, path, headers, "").await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        self.client
            .request(method, format!("http://{}{path}", self.address))
            .headers(map)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// `POST /publish` with this body, as the backend with this key.
    pub(crate) async fn publish(&self, key: &str, body: impl Into<Body>) -> Response {
        let request = self.client.post(format!("http://{}/publish", self.address)).bearer_auth(key);
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// An open WebSocket.
    pub(crate) async fn connect(&self, path: &str) -> Socket {
        self.open(format!("ws://{}{path}", self.address)).await
    }

    /// An open WebSocket by this request.
    pub(crate) async fn open(&self, request: impl IntoClientRequest + Unpin) -> Socket {
        Socket(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    /// A WebSocket on `/ws` that is set up as `user` and subscribed to `topics`.
    pub(crate) async fn user(&self, user: &str, topics: &[&str]) -> Socket {
        let mut socket = self.connect("/ws").await;
        socket.set_up(user, topics).await;
        socket
    }

    /// The three counts of `/stats`.
    pub(crate) async fn counts(&self) -> Value {
        let mut stats = self.json("/stats").await;
        stats.as_object_mut().unwrap().remove("slo");
        stats
    }

    /// The samples of `/metrics`, each under its name with its labels.
    pub(crate) async fn metrics(&self) -> HashMap<String, f64> {
        let text = self.get("/metrics").await.text().await.unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| {
                line.rsplit_once(' ')
                    .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
                    .unwrap()
            })
            .collect()
    }

    /// Waits until the three counts of `/stats` are `expected`: an action of a client appears in
    /// them a moment later.
    pub(crate) async fn stats_become(&self, expected: Value, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let found = self.counts().await;
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{found} instead of {expected}");
            // The gateway sends no event when it has noticed another connection's end, so ask
            // again.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until `/readyz` says that the gateway is about to stop.
    pub(crate) async fn becomes_unready(&self) {
        while self.get("/readyz").await.status() != 503 {
            // Nothing tells when a signal has been received, so ask again.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The status with which an opening handshake is refused.
    pub(crate) async fn refusal(&self, path: &str) -> u16 {
        match tokio_tungstenite::connect_async(format!("ws://{}{path}", self.address)).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                response.status().as_u16()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends the process the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .args(["-s", name, &self.pid().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The process's resident memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(mut self) -> bool {
        self.process.wait().unwrap().success()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) struct Socket<S = MaybeTlsStream<TcpStream>>(pub(crate) WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(crate) async fn send(&mut self, frame: &str) {
        self.message(Message::text(frame)).await;
    }

    pub(crate) async fn message(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Sets it up as `user` with subscriptions to `topics`.
    pub(crate) async fn set_up(&mut self, user: &str, topics: &[&str]) {
        self.send(&json!({ "type": "setup", "token": user, "topics": topics }).to_string()).await;
        for topic in topics {
            let answer = self.next().await;
            assert_eq!((&answer["type"], &answer["topic"]), (&json!("subscribed"), &json!(topic)));
        }
        assert_eq!(self.next().await["type"], "ready");
    }

    /// Sends these frames at once, without waiting for answers.
    pub(crate) async fn pipeline(&mut self, frames: &[Value]) {
        for frame in frames {
            self.0.feed(Message::text(frame.to_string())).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    /// As [`Socket::pipeline`], for a connection that may have ended.
    pub(crate) async fn try_pipeline(&mut self, frames: &[Value]) -> Result<(), ()> {
        for frame in frames {
            self.0.feed(Message::text(frame.to_string())).await.map_err(drop)?;
        }
        self.0.flush().await.map_err(drop)
    }

    /// The next frame; `None` if the connection ends.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        loop {
            match self.read().await? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// Sends a frame and returns the next frame that is received.
    pub(crate) async fn ask(&mut self, frame: &Value) -> Value {
        self.send(&frame.to_string()).await;
        self.next().await
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).unwrap()
    }

    /// The next frame as it was received.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            match self.read().await.unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of any kind; `None` at the end. Reading also answers pings.
    pub(crate) async fn read(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next());
        next.await.expect("something within 20 s")?.ok()
    }

    /// Reads to the end; returns the close code and the frames before it.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, Vec<Value>) {
        let mut frames = Vec::new();
        while let Some(message) = self.read().await {
            match message {
                Message::Text(text) => frames.push(serde_json::from_str(&text).unwrap()),
                Message::Close(close) => return (close.map(|close| close.code.into()), frames),
                _ => {}
            }
        }
        (None, frames)
    }
}
