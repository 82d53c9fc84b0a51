//! The protocols that the sides speak, each reduced to what the work needs.

mod gateway;
mod nats;
mod nchan;
pub mod payload;
mod predecessors;
mod socket_io;
pub mod websocket;

use anyhow::{Result, bail};
use payload::Payload;
use predecessors::Positions;

/// The protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The gateway's JSON.
    Gateway,
    /// NATS over TCP.
    Nats,
    /// NATS in binary WebSocket frames.
    NatsWebSocket,
    /// Nchan over WebSocket.
    Nchan,
    /// The gateway's JSON with a broker: each message names its predecessor.
    Predecessors,
    /// The gateway's JSON, from servers that number no message.
    Unnumbered,
    /// Socket.IO over WebSocket.
    SocketIo,
}

/// An event from a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message. Within a stream numbers rise by one. If the server numbers the messages of a
    /// topic, the stream is the topic; otherwise it is the publisher, which puts a number into the
    /// payload.
    Message {
        /// The stream.
        stream: usize,
        /// The number, from 1.
        number: u64,
    },
    /// The answer to a publish.
    Ack,
    /// Any other answer.
    Answer,
    /// A ping, to which the client must answer.
    Ping,
}

/// The purpose of a connection.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// The connection's user.
    pub user: String,
    /// The topics to subscribe to at the start.
    pub topics: Vec<String>,
    /// The topic to publish to; Nchan needs it when the connection begins.
    pub publishes: Option<String>,
}

impl Protocol {
    /// Whether a connection begins with an upgrade from HTTP.
    pub(crate) fn is_websocket(self) -> bool {
        self != Self::Nats
    }

    /// The request that a connection begins with.
    pub(crate) fn upgrade(self, host: &str, role: &Role) -> String {
        let path = match self {
            Self::Nchan => {
                let topic =
                    role.publishes.as_ref().or(role.topics.first()).map_or("", |topic| topic);
                nchan::path(!role.topics.is_empty(), role.publishes.is_some(), topic)
            }
            Self::NatsWebSocket => "/".to_owned(),
            Self::SocketIo => socket_io::PATH.to_owned(),
            _ => "/ws".to_owned(),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }

    /// Appends the first frames; returns the number of answers after which they have been handled.
    pub(crate) fn setup(self, out: &mut Vec<u8>, role: &Role) -> usize {
        match self {
            Self::Gateway | Self::Predecessors | Self::Unnumbered => {
                gateway::setup(out, &role.user, &role.topics);
                role.topics.len() + 1
            }
            Self::Nats | Self::NatsWebSocket => {
                nats::setup(out, &role.topics);
                // INFO and PONG.
                2
            }
            Self::Nchan => 0,
            Self::SocketIo => {
                socket_io::setup(out, &role.topics);
                socket_io::ANSWERS
            }
        }
    }

    /// Appends a publish.
    pub(crate) fn publish(self, out: &mut Vec<u8>, topic: &str, payload: &Payload) {
        match self {
            Self::Gateway | Self::Predecessors | Self::Unnumbered => {
                gateway::publish(out, topic, payload);
            }
            Self::SocketIo => socket_io::publish(out, topic, payload),
            Self::Nats | Self::NatsWebSocket => nats::publish(out, topic, payload),
            Self::Nchan => nchan::publish(out, payload),
        }
    }

    /// Appends a `subscribe` of the gateway's protocol, with position 0 if `from_the_start`.
    ///
    /// # Errors
    /// If it is another protocol.
    pub(crate) fn subscribe(
        self,
        out: &mut Vec<u8>,
        topic: &str,
        from_the_start: bool,
    ) -> Result<()> {
        match self {
            Self::Gateway if from_the_start => gateway::subscribe_from_the_start(out, topic),
            Self::Gateway => gateway::subscribe(out, topic),
            _ => bail!("{self:?} is not subscribed to in the middle of a connection here"),
        }
        Ok(())
    }

    /// Appends an `unsubscribe` of the gateway's protocol.
    ///
    /// # Errors
    /// If it is another protocol.
    pub(crate) fn unsubscribe(self, out: &mut Vec<u8>, topic: &str) -> Result<()> {
        match self {
            Self::Gateway => gateway::unsubscribe(out, topic),
            _ => bail!("{self:?} is not unsubscribed from in the middle of a connection here"),
        }
        Ok(())
    }

    /// Appends the answer to a [`Event::Ping`].
    pub(crate) fn pong(self, out: &mut Vec<u8>) {
        match self {
            Self::Nats | Self::NatsWebSocket => out.extend(b"PONG\r\n"),
            Self::SocketIo => socket_io::pong(out),
            Self::Gateway | Self::Predecessors | Self::Unnumbered | Self::Nchan => {
                websocket::put_masked(out, websocket::PONG, &[])
            }
        }
    }

    /// Makes the appended bytes ready to be sent: NATS over WebSocket is a stream of its own inside
    /// WebSocket frames.
    pub(crate) fn seal(self, out: &mut Vec<u8>) {
        if self == Self::NatsWebSocket && !out.is_empty() {
            let stream = std::mem::take(out);
            websocket::put_masked(out, websocket::BINARY, &[&stream]);
        }
    }
}

/// Decodes what a server sends.
#[derive(Debug)]
pub(crate) struct Decoder {
    protocol: Protocol,
    /// The incomplete end of the NATS stream inside WebSocket frames.
    inner: Vec<u8>,
    positions: Positions,
}

impl Decoder {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self { protocol, inner: Vec::new(), positions: Positions::default() }
    }

    /// Calls `each` with each event; returns how many bytes they took.
    ///
    /// # Errors
    /// What `each` returns; an error or a close of the server; bytes that break the protocol.
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(Event) -> Result<()>,
    ) -> Result<usize> {
        if self.protocol == Protocol::Nats {
            return nats::events(bytes, each);
        }
        let mut at = 0;
        while let Some(frame) = websocket::first(&bytes[at..]) {
            match (frame.opcode, self.protocol) {
                (websocket::CLOSE, _) => bail!("closed: {}", close_reason(frame.payload)),
                (websocket::PING, _) => each(Event::Ping)?,
                (websocket::PONG, _) => {}
                (_, Protocol::Gateway) => each(gateway::event(frame.payload)?)?,
                (_, Protocol::Predecessors) => each(self.positions.event(frame.payload)?)?,
                (_, Protocol::Unnumbered) => each(gateway::unnumbered_event(frame.payload)?)?,
                (_, Protocol::SocketIo) => each(socket_io::event(frame.payload)?)?,
                (_, Protocol::Nchan) => each(nchan::event(frame.payload)?)?,
                _ => self.unwrap_nats(frame.payload, each)?,
            }
            at += frame.len;
        }
        Ok(at)
    }

    fn unwrap_nats(
        &mut self,
        payload: &[u8],
        each: &mut impl FnMut(Event) -> Result<()>,
    ) -> Result<()> {
        if self.inner.is_empty() {
            let taken = nats::events(payload, each)?;
            self.inner.extend(&payload[taken..]);
        } else {
            self.inner.extend(payload);
            let taken = nats::events(&self.inner, each)?;
            self.inner.drain(..taken);
        }
        Ok(())
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => {
            format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
        }
        None => "without a code".to_owned(),
    }
}
