//! One WebSocket connection, down to its bytes: it can ignore pings, stop reading, and leave in
//! every possible way.

use crate::wire::websocket::{self, BINARY, CLOSE, PING, PONG, TEXT, put_masked};
use anyhow::{Context, Result, bail, ensure};
use protocol::{
    ClientFrame, Epoch, MessageId, Payload, Publish, Receipt, SeqNo, Subscribe, Topic, Unsubscribe,
};
use std::{io::ErrorKind, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The time limit of every answer of the gateway, and of every close that it must make, however
/// busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What arrives from the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Text(String),
    /// A close frame, with its code if it has one.
    Close(Option<u16>),
    /// The end of the stream.
    End,
}

/// Ways to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Sends a close frame with 1000, and waits for the answer. The session stays.
    Close,
    /// Sends a close frame with 4000: the session ends.
    EndSession,
    /// Ends the stream without a close frame.
    Finish,
    /// Resets the TCP connection.
    Reset,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Close, Self::EndSession, Self::Finish, Self::Reset];
}

#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    input: Vec<u8>,
    /// How much of it was handled.
    at: usize,
    out: Vec<u8>,
    ignores_pings: bool,
}

impl Socket {
    /// Opens a TCP connection, with a receive buffer of the given size.
    pub(crate) async fn tcp(address: SocketAddr, receive_buffer: Option<u32>) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = timeout(PATIENCE, socket.connect(address))
            .await
            .context("no TCP connection in time")?
            .context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        receive_buffer: Option<u32>,
    ) -> Result<Self> {
        let mut stream = Self::tcp(address, receive_buffer).await?;
        stream.write_all(upgrade(path).as_bytes()).await?;
        let mut socket =
            Self { stream, input: Vec::new(), at: 0, out: Vec::new(), ignores_pings: false };
        let end = loop {
            if let Some(end) = socket.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            ensure!(
                socket.more().await?,
                "no upgrade, but {:?}",
                String::from_utf8_lossy(&socket.input)
            );
        };
        ensure!(
            socket.input.starts_with(b"HTTP/1.1 101 "),
            "no upgrade, but {:?}",
            String::from_utf8_lossy(&socket.input)
        );
        socket.at = end + 4;
        Ok(socket)
    }

    /// Stops answering pings.
    pub(crate) fn ignore_pings(&mut self) {
        self.ignores_pings = true;
    }

    /// The next arrival. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Arrival> {
        loop {
            while let Some(frame) = websocket::first(&self.input[self.at..]) {
                self.at += frame.len;
                match frame.opcode {
                    TEXT => {
                        return Ok(Arrival::Text(
                            std::str::from_utf8(frame.payload).context("not UTF-8")?.to_owned(),
                        ));
                    }
                    CLOSE => {
                        return Ok(Arrival::Close(
                            frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
                        ));
                    }
                    PING if self.ignores_pings => {}
                    PING => put_masked(&mut self.out, PONG, &[frame.payload]),
                    PONG => {}
                    other => bail!("a frame with opcode {other}"),
                }
            }
            self.flush().await?;
            if !self.more().await? {
                return Ok(Arrival::End);
            }
        }
    }

    /// The next text, within the time limit of every answer.
    pub(crate) async fn text(&mut self) -> Result<String> {
        match timeout(PATIENCE, self.next()).await.context("no answer in time")?? {
            Arrival::Text(text) => Ok(text),
            other => bail!("no answer, but {other:?}"),
        }
    }

    /// Skips texts until the gateway closes; returns the close code, `None` without a close frame.
    pub(crate) async fn close_code(&mut self) -> Result<Option<u16>> {
        let code = async {
            loop {
                match self.next().await? {
                    Arrival::Text(_) => {}
                    Arrival::Close(code) => return Ok(code),
                    Arrival::End => return Ok(None),
                }
            }
        };
        timeout(PATIENCE, code).await.context("not closed in time")?
    }

    /// Sends a frame.
    pub(crate) async fn say(&mut self, frame: &ClientFrame<'_>) -> Result<()> {
        self.put(frame)?;
        self.flush().await
    }

    /// Appends a frame to the bytes that [`flush`](Self::flush) sends.
    pub(crate) fn put(&mut self, frame: &ClientFrame<'_>) -> Result<()> {
        self.put_text(&serde_json::to_vec(frame)?);
        Ok(())
    }

    /// Appends a text frame with any content.
    pub(crate) fn put_text(&mut self, text: &[u8]) {
        put_masked(&mut self.out, TEXT, &[text]);
    }

    /// Appends raw bytes.
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Sends the appended bytes. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        while !self.out.is_empty() {
            let written = self.stream.write(&self.out).await.context("writing")?;
            self.out.drain(..written);
        }
        Ok(())
    }

    /// Ends the sending side of the stream.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        Ok(self.stream.shutdown().await?)
    }

    /// Leaves. Until this returns, the gateway may still regard the client as connected.
    pub(crate) async fn leave(mut self, way: Way) -> Result<()> {
        match way {
            Way::Close | Way::EndSession => {
                let code: u16 = if way == Way::Close { 1000 } else { 4000 };
                put_masked(&mut self.out, CLOSE, &[&code.to_be_bytes()]);
                self.flush().await?;
                let answer = self.close_code().await?;
                ensure!(answer == Some(code), "close with {code} was answered by {answer:?}");
            }
            Way::Finish => self.stream.shutdown().await?,
            Way::Reset => self.stream.set_zero_linger()?,
        }
        Ok(())
    }

    /// Reads once. False: the stream has ended. Cancel-safe.
    async fn more(&mut self) -> Result<bool> {
        self.input.drain(..self.at);
        self.at = 0;
        match self.stream.read_buf(&mut self.input).await {
            Ok(bytes) => Ok(bytes > 0),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(error).context("reading"),
        }
    }
}

/// The request that opens a WebSocket.
pub(crate) fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A binary frame, which the gateway refuses.
pub(crate) fn binary(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_masked(&mut out, BINARY, &[payload]);
    out
}

pub(crate) fn subscribe(topic: &str) -> Result<ClientFrame<'_>> {
    Ok(ClientFrame::Subscribe(Subscribe {
        topic: Topic::new(topic)?,
        last_seq: None,
        epoch: None,
        last: None,
    }))
}

pub(crate) fn unsubscribe(topic: &str) -> Result<ClientFrame<'_>> {
    Ok(ClientFrame::Unsubscribe(Unsubscribe { topic: Topic::new(topic)? }))
}

pub(crate) fn publish<'a>(
    topic: &'a str,
    id: &'a str,
    payload: &'a str,
) -> Result<ClientFrame<'a>> {
    Ok(ClientFrame::Publish(Publish {
        topic: Topic::new(topic)?,
        message_id: MessageId::new(id)?,
        payload: Payload::parse(payload)?,
    }))
}

pub(crate) fn receipt<'a>(topic: &'a str, seq_no: u64, epoch: &'a str) -> Result<ClientFrame<'a>> {
    Ok(ClientFrame::Ack(Receipt {
        topic: Topic::new(topic)?,
        seq_no: SeqNo::new(seq_no)?,
        epoch: Some(Epoch::new(epoch)?),
    }))
}
