//! What goes over the wire: the protocols that sides speak, each reduced to what the work needs of
//! it.

mod gateway;
mod nats;
mod nchan;
pub mod payload;
pub mod websocket;

use anyhow::{Result, bail};
use payload::Payload;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The gateway's JSON.
    Gateway,
    /// NATS, plainly over TCP.
    Nats,
    /// NATS in binary WebSocket frames.
    NatsWebSocket,
    /// Nchan's, over WebSocket.
    Nchan,
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message. Within a stream numbers rise by one: where the server numbers the messages of a
    /// topic, the stream is the topic; elsewhere it is the publisher, who puts a number into
    /// the payload.
    Message {
        /// Which stream.
        stream: usize,
        /// From 1.
        number: u64,
    },
    /// The answer to a publish.
    Ack,
    /// Any other answer.
    Answer,
    /// The server asks whether the client is there.
    Ping,
}

/// What a connection is for.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// Whose connection it is.
    pub user: String,
    /// Subscribed to from the start.
    pub topics: Vec<String>,
    /// Published to; Nchan wants to know it when the connection begins.
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
            _ => "/ws".to_owned(),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }

    /// Puts the first frames behind what will be sent; gives how many answers say that they are
    /// done.
    pub(crate) fn setup(self, out: &mut Vec<u8>, role: &Role) -> usize {
        match self {
            Self::Gateway => {
                gateway::setup(out, &role.user, &role.topics);
                role.topics.len() + 1
            }
            Self::Nats | Self::NatsWebSocket => {
                nats::setup(out, &role.topics);
                // INFO and PONG
                2
            }
            Self::Nchan => 0,
        }
    }

    /// Puts a publish behind what will be sent.
    pub(crate) fn publish(self, out: &mut Vec<u8>, topic: &str, payload: &Payload) {
        match self {
            Self::Gateway => gateway::publish(out, topic, payload),
            Self::Nats | Self::NatsWebSocket => nats::publish(out, topic, payload),
            Self::Nchan => nchan::publish(out, payload),
        }
    }

    /// Puts a `subscribe` of the gateway's protocol behind what will be sent, with position 0 if
    /// `from_the_start`.
    ///
    /// # Errors
    /// When it is another protocol.
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

    /// Puts an `unsubscribe` of the gateway's protocol behind what will be sent.
    ///
    /// # Errors
    /// When it is another protocol.
    pub(crate) fn unsubscribe(self, out: &mut Vec<u8>, topic: &str) -> Result<()> {
        match self {
            Self::Gateway => gateway::unsubscribe(out, topic),
            _ => bail!("{self:?} is not unsubscribed from in the middle of a connection here"),
        }
        Ok(())
    }

    /// Puts the answer to a [`Event::Ping`] behind what will be sent.
    pub(crate) fn pong(self, out: &mut Vec<u8>) {
        match self {
            Self::Nats | Self::NatsWebSocket => out.extend(b"PONG\r\n"),
            Self::Gateway | Self::Nchan => websocket::put_masked(out, websocket::PONG, &[]),
        }
    }

    /// What is sent for what was put together: NATS is a stream of its own inside of WebSocket
    /// frames.
    pub(crate) fn seal(self, out: &mut Vec<u8>) {
        if self == Self::NatsWebSocket && !out.is_empty() {
            let stream = std::mem::take(out);
            websocket::put_masked(out, websocket::BINARY, &[&stream]);
        }
    }
}

/// Takes what a server sent apart.
#[derive(Debug)]
pub(crate) struct Decoder {
    protocol: Protocol,
    /// What of NATS in WebSocket frames is not whole yet.
    inner: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self { protocol, inner: Vec::new() }
    }

    /// Gives each event to `each`, and how many bytes they took.
    ///
    /// # Errors
    /// What `each` says; an error or a close of the server; what is not the protocol.
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
