//! A client that can send any bytes over TCP.

use crate::{gateway::Gateway, masked::masked};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

/// The header lines of a valid opening handshake on `path`.
pub(crate) fn opening(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A masked frame; `first` is the byte of FIN and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, [0x37, 0xFA, 0x21, 0x3D])
}

pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

/// A connection whose client buffers little that is not read.
pub(crate) async fn narrow(gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(gateway.address.parse().unwrap()).await.unwrap()
}

impl Raw {
    pub(crate) async fn tcp(gateway: &Gateway) -> Self {
        Self { stream: TcpStream::connect(&gateway.address).await.unwrap() }
    }

    /// A WebSocket on `/ws` whose client buffers little that is not read.
    pub(crate) async fn narrow(gateway: &Gateway) -> Self {
        Self { stream: narrow(gateway).await }.upgraded().await
    }

    /// An open WebSocket on `/ws`.
    pub(crate) async fn open(gateway: &Gateway) -> Self {
        Self::tcp(gateway).await.upgraded().await
    }

    async fn upgraded(mut self) -> Self {
        let raw = &mut self;
        raw.send(opening("/ws").as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        self
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The head of an HTTP answer.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame: opcode and payload.
    pub(crate) async fn next(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let len = match self.stream.read_u8().await.unwrap() {
            126 => self.stream.read_u16().await.unwrap().into(),
            127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
            short => short.into(),
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.unwrap();
        (first & 0x0F, payload)
    }

    /// The next text frame.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            match self.next().await {
                (1, payload) => return String::from_utf8(payload).unwrap(),
                (8, payload) => panic!("closed: {payload:?}"),
                _ => {}
            }
        }
    }

    /// Skips everything up to the end; returns the code of the close frame, if one is received
    /// before the connection is reset.
    pub(crate) async fn end_code(&mut self) -> Option<u16> {
        let mut bytes = Vec::new();
        let _ = self.stream.read_to_end(&mut bytes).await;
        let tail = bytes.len().checked_sub(2 + 2 + 123)?;
        let close =
            bytes[tail..].windows(4).rev().find(|window| window[0] == 0x88 && window[1] >= 2)?;
        Some(u16::from_be_bytes([close[2], close[3]]))
    }

    /// Skips everything up to the close frame; returns its code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let (8, payload) = self.next().await {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}
