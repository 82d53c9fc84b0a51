//! A small, fast WebSocket client for load: it masks with zeros, which every server has to take, and reads only what a load
//! generator needs of a frame.

use anyhow::{Result, bail, ensure};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
    filled: usize,
}

/// What a frame is.
pub(crate) enum Kind {
    Message(u64),
    Ack,
    Other,
}

impl Client {
    pub(crate) async fn connect(server: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        ensure!(head.starts_with(b"HTTP/1.1 101 "), "no upgrade: {}", String::from_utf8_lossy(&head));
        Ok(Self { stream, out: Vec::new(), input: vec![0; 32 * 1024], filled: 0 })
    }

    /// Returns once the gateway is ready.
    pub(crate) async fn setup(&mut self, token: &str, topic: Option<&str>) -> Result<()> {
        let topics = topic.map(|topic| format!(r#","topics":["{topic}"]"#)).unwrap_or_default();
        self.queue(&format!(r#"{{"type":"setup","token":"{token}"{topics}}}"#));
        self.send().await?;
        let frames = 1 + usize::from(topic.is_some());
        let mut seen = 0;
        while seen < frames {
            self.read(|_| {
                seen += 1;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Puts a text frame behind what will be sent.
    pub(crate) fn queue(&mut self, text: &str) {
        self.out.push(0x81);
        match text.len() {
            len @ 0..126 => self.out.push(0x80 | len as u8),
            len => {
                self.out.push(0x80 | 126);
                self.out.extend((len as u16).to_be_bytes());
            }
        }
        self.out.extend([0; 4]);
        self.out.extend(text.as_bytes());
    }

    /// Sends what is queued in one write.
    pub(crate) async fn send(&mut self) -> Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// One read, and each whole frame in it.
    pub(crate) async fn read(&mut self, mut each: impl FnMut(Kind) -> Result<()>) -> Result<()> {
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
        match self.stream.read(&mut self.input[self.filled..]).await? {
            0 => bail!("the server has closed"),
            n => self.filled += n,
        }
        let mut at = 0;
        while let Some((payload, len)) = whole_frame(&self.input[at..self.filled]) {
            ensure!(self.input[at] != 0x88, "closed: {}", String::from_utf8_lossy(&payload[2..]));
            each(kind(payload))?;
            at += len;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }
}

/// The payload of the first frame and the length of the frame.
fn whole_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (header, len) = match *bytes.get(1)? {
        126 => (4, u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]) as usize),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, short as usize),
    };
    Some((bytes.get(header..header + len)?, header + len))
}

fn kind(payload: &[u8]) -> Kind {
    if payload.starts_with(br#"{"type":"ack""#) {
        return Kind::Ack;
    }
    if !payload.starts_with(br#"{"type":"message""#) {
        return Kind::Other;
    }
    let name = br#""seqNo":"#;
    let digits = payload.windows(name.len()).position(|w| w == name).map_or(&[][..], |at| &payload[at + name.len()..]);
    Kind::Message(digits.iter().take_while(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}
