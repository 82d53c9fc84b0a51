//! One WebSocket connection: its opening, its reading, and its writing.

use super::{address::Address, tls};
use futures_util::{Sink, SinkExt, StreamExt};
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// For the closing handshake.
const GOODBYE: Duration = Duration::from_secs(2);

trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// Why a connection did not open.
pub(super) enum Refused {
    Status(u16),
    Failed(String),
}

/// What has come.
pub(super) enum Incoming {
    Frame(String),
    Alive,
    Closed(u16),
}

pub(super) struct Wire {
    socket: WebSocketStream<Box<dyn Bytes>>,
    /// Frames that are still to be written; the core bounds them.
    waiting: VecDeque<String>,
    is_flushed: bool,
}

impl Wire {
    pub(super) async fn open(address: Address) -> Result<Box<Self>, Refused> {
        let failed = |error: io::Error| {
            Refused::Failed(format!("no connection to {}:{}: {error}", address.host, address.port))
        };
        let tcp =
            TcpStream::connect((address.host.as_str(), address.port)).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let stream: Box<dyn Bytes> = if address.is_encrypted {
            Box::new(tls::connect(&address.host, tcp).await.map_err(failed)?)
        } else {
            Box::new(tcp)
        };
        match client_async(address.url.as_str(), stream).await {
            Ok((socket, _)) => {
                Ok(Box::new(Self { socket, waiting: VecDeque::new(), is_flushed: true }))
            }
            Err(Error::Http(response)) => Err(Refused::Status(response.status().as_u16())),
            Err(error) => Err(failed(io::Error::other(error))),
        }
    }

    pub(super) fn send(&mut self, frame: String) {
        self.waiting.push_back(frame);
        self.is_flushed = false;
    }

    /// Reads and writes until something has come. Cancelling loses nothing.
    pub(super) async fn next(&mut self, may_read: bool) -> Incoming {
        poll_fn(|context| {
            if let Poll::Ready(Err(_)) = self.write(context) {
                return Poll::Ready(Incoming::Closed(1006));
            }
            if !may_read {
                return Poll::Pending;
            }
            self.socket.poll_next_unpin(context).map(|message| match message {
                Some(Ok(Message::Text(text))) => Incoming::Frame(text.as_str().to_owned()),
                Some(Ok(Message::Close(close))) => {
                    Incoming::Closed(close.map_or(1005, |close| close.code.into()))
                }
                Some(Ok(_)) => Incoming::Alive,
                Some(Err(_)) | None => Incoming::Closed(1006),
            })
        })
        .await
    }

    fn write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut socket = Pin::new(&mut self.socket);
        while !self.waiting.is_empty() {
            ready!(socket.as_mut().poll_ready(context))?;
            if let Some(frame) = self.waiting.pop_front() {
                socket.as_mut().start_send(Message::text(frame))?;
            }
        }
        if !self.is_flushed {
            ready!(socket.poll_flush(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits, and closes.
    pub(super) async fn close(mut self: Box<Self>, code: u16) {
        let goodbye = async {
            poll_fn(|context| self.write(context)).await?;
            let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
            self.socket.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<_, Error>(())
        };
        // There is nothing to do about a peer that does not answer.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}
