//! A client that can send anything: frames are masked and read here, byte by byte as in RFC 6455
//! section 5.2.

use crate::{echo, masked::masked};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;
/// The first of several fragments of a text, one in the middle, and the last.
pub(crate) const TEXT_BEGINS: u8 = 0x01;
pub(crate) const BINARY_BEGINS: u8 = 0x02;
pub(crate) const CONTINUES: u8 = 0x00;
pub(crate) const ENDS: u8 = 0x80;

/// A frame of either side: its first byte (FIN, reserved bits, opcode) and its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame { first, payload: payload.as_ref().to_vec() }
}

pub(crate) fn close(code: u16) -> Frame {
    frame(CLOSE, code.to_be_bytes())
}

/// `payload` as a message in fragments of `size` bytes; `begins` is the first byte of the first
/// one.
pub(crate) fn fragments(begins: u8, payload: &[u8], size: usize) -> Vec<Frame> {
    let last = payload.len().div_ceil(size) - 1;
    let first = |i| if i == 0 { begins } else { CONTINUES } | if i == last { ENDS } else { 0 };
    payload.chunks(size).enumerate().map(|(i, part)| frame(first(i), part)).collect()
}

impl Frame {
    /// The frame as a client has to send it.
    pub(crate) fn masked(&self) -> Vec<u8> {
        masked(self.first, &self.payload, [0x37, 0xFA, 0x21, self.payload.len() as u8])
    }
}

/// An echo server on a free port, which ends with the test's runtime.
pub(crate) async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(echo::serve(listener));
    address
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    /// A connection before the opening handshake.
    pub(crate) async fn tcp(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// An open WebSocket.
    pub(crate) async fn open(server: SocketAddr) -> Self {
        let mut client = Self::tcp(server).await;
        let head = client.handshake("").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        client
    }

    /// Sends the opening handshake of RFC 6455 section 1.3 with these additional header lines;
    /// returns the head of the answer.
    pub(crate) async fn handshake(&mut self, more: &str) -> String {
        let request = format!(
            "GET /any/path HTTP/1.1\r\nHost: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        self.send(request.as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn send_frame(&mut self, frame: &Frame) {
        self.send(&frame.masked()).await;
    }

    /// Sends pieces of this many bytes, each in a segment of its own.
    pub(crate) async fn send_chopped(&mut self, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            self.send(piece).await;
        }
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Frame {
        let first = self.stream.read_u8().await.unwrap();
        let marker = self.stream.read_u8().await.unwrap();
        let len = match marker {
            126 => self.stream.read_u16().await.unwrap().into(),
            127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
            short => usize::from(short),
        };
        let shortest = if len < 126 {
            0
        } else if len < 65_536 {
            126
        } else {
            127
        };
        assert!(
            marker == shortest || (shortest == 0 && marker < 126),
            "{len} bytes announced by {marker}"
        );
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.unwrap();
        Frame { first, payload }
    }

    /// All bytes up to the server's end of the connection.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        rest
    }
}
