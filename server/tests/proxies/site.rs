//! A gateway behind a proxy, as `rt.example.com`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::gateway::{Gateway, Socket};
use crate::proxy::Proxy;
use crate::shipped::Shipped;

/// The proxy trusts no header from this address; the gateway trusts the proxy, at 127.0.0.1.
pub(crate) const CLIENT: &str = "127.0.0.2";

/// A backend's API key.
const API_KEY: &str = "0123456789abcdef0123";

/// The differences between proxies.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// The path of its file below `deploy/`.
    pub(crate) file: &'static str,
    /// Shortens times that are too long for a test.
    pub(crate) adapt: fn(Shipped) -> Shipped,
    /// Starts the proxy with this file.
    pub(crate) start: fn(Shipped) -> Proxy,
}

pub(crate) struct Site {
    gateway: Gateway,
    proxy: Proxy,
    environment: Vec<(&'static str, &'static str)>,
    folder: TempDir,
    client: Client,
}

impl Site {
    /// With the proxy's file, the gateway's configuration that it contains, and these additional
    /// environment variables of the gateway.
    pub(crate) async fn start(kind: Kind, environment: &[(&'static str, &'static str)]) -> Self {
        let file = Shipped::read(kind.file);
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::write(&keys, API_KEY).unwrap();
        let configuration =
            format!("{}\n[http]\napi_keys_file = {keys:?}\n", file.gateway_configuration());
        std::fs::write(folder.path().join("gateway.toml"), configuration).unwrap();
        let gateway = gateway(&folder, "127.0.0.1:0", environment);
        let proxy = (kind.start)((kind.adapt)(file).with("127.0.0.1:3000", &gateway.address));
        let client = Client::builder()
            .no_proxy()
            .local_address(Some(CLIENT.parse().unwrap()))
            .build()
            .unwrap();
        let site = Self { gateway, proxy, environment: environment.to_vec(), folder, client };
        site.serves().await;
        site
    }

    /// A request to the site.
    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("http://{}{path}", self.proxy.address));
        request.header("host", "rt.example.com").send().await.unwrap()
    }

    /// Publishes these messages as a backend.
    pub(crate) async fn publish(&self, messages: &Value) -> Response {
        let request = self
            .client
            .post(format!("http://{}/publish", self.proxy.address))
            .header("host", "rt.example.com");
        request.bearer_auth(API_KEY).json(messages).send().await.unwrap()
    }

    /// A WebSocket from this address, by a page of the site. Its `X-Forwarded-For` is false.
    pub(crate) async fn connect(&self, from: &str) -> Socket<TcpStream> {
        let mut request = "ws://rt.example.com/ws".into_client_request().unwrap();
        request.headers_mut().insert("origin", "https://rt.example.com".parse().unwrap());
        request.headers_mut().insert(
            "x-forwarded-for",
            format!("198.51.100.{}", rand::random::<u8>()).parse().unwrap(),
        );
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let stream = socket.connect(self.proxy.address).await.unwrap();
        Socket(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    }

    /// Asks the gateway to stop.
    pub(crate) fn stop(&self) {
        self.gateway.signal("TERM");
    }

    /// Waits for the gateway to stop, and starts another one in its place.
    pub(crate) async fn replace_gateway(mut self) -> Self {
        let address = self.gateway.address.clone();
        assert!(self.gateway.ended());
        self.gateway = gateway(&self.folder, &address, &self.environment);
        self.serves().await;
        self
    }

    /// Waits until the proxy has noticed that the gateway is running.
    async fn serves(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.get("/openapi.json").await.status().as_u16(), 502 | 503) {
            assert!(Instant::now() < deadline, "the proxy does not find the gateway");
            // Nothing tells when a proxy has checked, so ask again.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn gateway(folder: &TempDir, address: &str, environment: &[(&str, &str)]) -> Gateway {
    let file = folder.path().join("gateway.toml");
    let command = [
        env!("CARGO_BIN_EXE_micro-socket"),
        "--config",
        file.to_str().unwrap(),
        "--listen",
        address,
    ];
    Gateway::start_command(&command, environment, std::process::Stdio::inherit())
}
