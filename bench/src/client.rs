//! One connection of the load generator. It must cost little: all connections of a thread read into
//! one buffer, and a connection keeps only the bytes of an incomplete event.

use crate::{
    side::Target,
    wire::{Decoder, Event, Protocol, Role, payload::Payload},
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig};

/// Larger than the largest incomplete event.
const READ: usize = 256 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A connection that has been set up.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    protocol: Protocol,
    decoder: Decoder,
    out: Vec<u8>,
    /// The beginning of an incomplete event.
    rest: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Client {
    /// Connects, and returns after the server has answered the setup.
    ///
    /// # Errors
    /// If the server refuses any of it.
    pub async fn open(server: &Target, role: &Role) -> Result<Self> {
        let mut stream = Stream::open(server.address, server.tls.clone()).await?;
        let protocol = server.protocol;
        if protocol.is_websocket() {
            stream
                .write_all(protocol.upgrade(&server.address.to_string(), role).as_bytes())
                .await?;
            upgraded(&mut stream).await?;
        }
        let mut client = Self {
            stream,
            protocol,
            decoder: Decoder::new(protocol),
            out: Vec::new(),
            rest: Vec::new(),
        };
        let answers = protocol.setup(&mut client.out, role);
        client.send().await?;
        client.wait_for(answers).await.context("setup")?;
        Ok(client)
    }

    /// Appends a publish to the bytes that the next [`send`](Self::send) writes.
    pub fn publish(&mut self, topic: &str, payload: &Payload) {
        self.protocol.publish(&mut self.out, topic, payload);
    }

    /// Appends a `subscribe`, with position 0 if `from_the_start`.
    ///
    /// # Errors
    /// If the protocol has none.
    pub fn subscribe(&mut self, topic: &str, from_the_start: bool) -> Result<()> {
        self.protocol.subscribe(&mut self.out, topic, from_the_start)
    }

    /// Appends an `unsubscribe`.
    ///
    /// # Errors
    /// If the protocol has none.
    pub fn unsubscribe(&mut self, topic: &str) -> Result<()> {
        self.protocol.unsubscribe(&mut self.out, topic)
    }

    /// Sends the appended bytes, in one write.
    ///
    /// # Errors
    /// If the connection has broken.
    pub async fn send(&mut self) -> Result<()> {
        self.protocol.seal(&mut self.out);
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// Reads once, and calls `each` with each complete event; pings of the server are answered.
    ///
    /// # Errors
    /// What `each` returns, an error or a close of the server, and bytes that break the protocol.
    pub async fn read(&mut self, mut each: impl FnMut(Event) -> Result<()>) -> Result<()> {
        let mut pings = 0;
        let mut each = |event| match event {
            Event::Ping => {
                pings += 1;
                Ok(())
            }
            event => each(event),
        };
        poll_fn(|context| {
            BUFFER.with_borrow_mut(|buffer| self.poll_read(context, buffer, &mut each))
        })
        .await?;
        if pings > 0 {
            (0..pings).for_each(|_| self.protocol.pong(&mut self.out));
            self.send().await?;
        }
        Ok(())
    }

    /// Reads until `events` events were seen, whatever they are.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn wait_for(&mut self, events: usize) -> Result<()> {
        let mut seen = 0;
        while seen < events {
            self.read(|_| {
                seen += 1;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        each: &mut impl FnMut(Event) -> Result<()>,
    ) -> Poll<Result<()>> {
        let before = self.rest.len();
        let mut target = ReadBuf::new(buffer);
        target.put_slice(&self.rest);
        ready!(self.stream.poll_read(context, &mut target))?;
        let bytes = target.filled();
        ensure_open(bytes.len() > before)?;
        let taken = self.decoder.decode(bytes, each)?;
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[taken..]);
        Poll::Ready(Ok(()))
    }
}

fn ensure_open(more: bool) -> Result<()> {
    ensure!(more, "the server has closed the connection");
    Ok(())
}

/// Reads the answer to an upgrade, and no byte after it.
async fn upgraded(stream: &mut Stream) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) => bail!("no upgrade: {error} behind {:?}", String::from_utf8_lossy(&head)),
        }
    }
    ensure!(head.starts_with(b"HTTP/1.1 101 "), "no upgrade: {}", String::from_utf8_lossy(&head));
    Ok(())
}

impl Stream {
    async fn open(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(match tls {
            None => Self::Plain(stream),
            Some(config) => {
                let stream = TlsConnector::from(config)
                    .connect("localhost".try_into()?, stream)
                    .await
                    .context("TLS")?;
                Self::Tls(Box::new(stream))
            }
        })
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, target),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, target),
        }
    }

    async fn read_u8(&mut self) -> io::Result<u8> {
        match self {
            Self::Plain(stream) => stream.read_u8().await,
            Self::Tls(stream) => stream.read_u8().await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}
