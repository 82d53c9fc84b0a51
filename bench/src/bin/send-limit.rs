//! `send-limit ADDR`: measures the kernel's part of a fan-out, with as little other work as
//! possible. One thread and one epoll loop; for each read that brings publishes, one `send(2)` of
//! one prepared frame to each subscriber, then the acks.
//!
//! It speaks the part of the gateway's protocol that the load generator needs: a client that names
//! a topic in its setup subscribes to it, and every other frame is a publish to the topic that it
//! names.

use anyhow::{Context, Result, ensure};
use bench::wire::websocket::{CLOSE, TEXT, first, put};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
};

const LISTENER: Token = Token(usize::MAX);
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ACK: &[u8] = br#"{"type":"ack","messageId":"","status":"ok"}"#;

struct Connection {
    stream: TcpStream,
    upgraded: bool,
    input: Vec<u8>,
}

#[derive(Default)]
struct Topic {
    seq_no: u64,
    subscribers: Vec<usize>,
}

#[derive(Default)]
struct State {
    connections: HashMap<usize, Connection>,
    topics: HashMap<Vec<u8>, Topic>,
    frames: Vec<u8>,
    answers: Vec<u8>,
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: send-limit ADDR")?;
    bench::open_files()?;
    let mut listener = TcpListener::bind(address.parse()?)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut events, mut state, mut next) = (Events::with_capacity(1024), State::default(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != LISTENER {
                state.turn(event.token().0, &mut buffer)?;
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true)?;
                poll.registry().register(&mut stream, Token(next), Interest::READABLE)?;
                state
                    .connections
                    .insert(next, Connection { stream, upgraded: false, input: Vec::new() });
                next += 1;
            }
        }
    }
}

impl State {
    /// Reads until the socket has no more bytes for now: a read that does not fill the buffer has
    /// taken all.
    fn turn(&mut self, number: usize, buffer: &mut [u8]) -> Result<()> {
        loop {
            let Some(connection) = self.connections.get_mut(&number) else {
                return Ok(());
            };
            match connection.stream.read(buffer) {
                Ok(0) => return self.leave(number),
                Ok(len) => {
                    connection.input.extend_from_slice(&buffer[..len]);
                    self.take(number)?;
                    if len < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.leave(number),
            }
        }
    }

    fn leave(&mut self, number: usize) -> Result<()> {
        self.connections.remove(&number);
        self.topics
            .values_mut()
            .for_each(|topic| topic.subscribers.retain(|subscriber| *subscriber != number));
        self.topics.retain(|_, topic| !topic.subscribers.is_empty());
        Ok(())
    }

    /// Handles the frames of one read.
    fn take(&mut self, number: usize) -> Result<()> {
        let connection = self.connections.get_mut(&number).context("no such connection")?;
        let mut input = std::mem::take(&mut connection.input);
        if !connection.upgraded {
            if !input.ends_with(b"\r\n\r\n") {
                connection.input = input;
                return Ok(());
            }
            connection.upgraded = true;
            input.clear();
            self.answers.extend_from_slice(UPGRADED);
        }
        let (mut at, mut published) = (0, None);
        while let Some(frame) = first(&input[at..]) {
            if frame.opcode == CLOSE {
                return self.leave(number);
            }
            self.frame(number, frame.payload, &mut published)?;
            at += frame.len;
        }
        input.drain(..at);
        if let Some(topic) = published {
            self.fan_out(&topic)?;
        }
        let connection = self.connections.get_mut(&number).context("no such connection")?;
        connection.input = input;
        send(&mut connection.stream, &self.answers)?;
        self.answers.clear();
        Ok(())
    }

    fn frame(&mut self, number: usize, text: &[u8], published: &mut Option<Vec<u8>>) -> Result<()> {
        if text.starts_with(br#"{"type":"setup""#) {
            for topic in between(text, br#""topics":["#, b']')
                .split(|byte| *byte == b',')
                .filter(|name| !name.is_empty())
            {
                self.topics
                    .entry(topic.trim_ascii()[1..topic.len() - 1].to_vec())
                    .or_default()
                    .subscribers
                    .push(number);
                put(&mut self.answers, TEXT, &[br#"{"type":"subscribed"}"#]);
            }
            put(&mut self.answers, TEXT, &[br#"{"type":"ready"}"#]);
            return Ok(());
        }
        let name = between(text, br#""topic":""#, b'"');
        ensure!(
            published.as_ref().is_none_or(|topic| topic == name),
            "publishes to several topics in one read"
        );
        let topic = self.topics.entry(name.to_vec()).or_default();
        topic.seq_no += 1;
        let seq_no = topic.seq_no.to_string();
        let (id, data) =
            (between(text, br#""messageId":""#, b'"'), between(text, br#""payload":"#, b'}'));
        let parts = [
            br#"{"type":"message","topic":""#,
            name,
            br#"","seqNo":"#,
            seq_no.as_bytes(),
            br#","messageId":""#,
            id,
            br#"","data":"#,
        ];
        put(&mut self.frames, TEXT, &[&parts.concat(), data, b"}"]);
        put(&mut self.answers, TEXT, &[ACK]);
        *published = Some(name.to_vec());
        Ok(())
    }

    fn fan_out(&mut self, topic: &[u8]) -> Result<()> {
        for subscriber in self.topics.get(topic).map_or(&[][..], |topic| &topic.subscribers) {
            if let Some(connection) = self.connections.get_mut(subscriber) {
                send(&mut connection.stream, &self.frames)?;
            }
        }
        self.frames.clear();
        Ok(())
    }
}

/// Fails if the socket does not take all bytes, because a queue would add to what is measured. A
/// closed socket is ignored: the next read reports it.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    match stream.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => anyhow::bail!("a socket is full"),
        Ok(len) => ensure!(len == bytes.len(), "a socket is full"),
        Err(_) => {}
    }
    Ok(())
}

/// The bytes between the first `start` and the next `end`; empty if there is no `start`.
fn between<'a>(text: &'a [u8], start: &[u8], end: u8) -> &'a [u8] {
    let Some(at) = memchr::memmem::find(text, start) else {
        return &[];
    };
    let rest = &text[at + start.len()..];
    &rest[..memchr::memchr(end, rest).unwrap_or(rest.len())]
}
