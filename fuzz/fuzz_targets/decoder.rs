//! The WebSocket decoder: however a client's bytes are cut into reads, the events are the same.
//!
//! The first byte of the input is the length of the reads; the rest are the client's bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use websocket::{Decoder, Event, Violation};

/// The limit of a message: small, so that inputs reach it.
const MAX_MESSAGE: usize = 1024;

/// An event with its own copy of the payload.
#[derive(Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(String),
}

impl Seen {
    fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text((*text).to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => Self::Close(format!("{close:?}")),
        }
    }
}

/// The events of `bytes` in reads of `len` bytes, up to the violation that ends them.
fn events(bytes: &[u8], len: usize) -> (Vec<Seen>, Option<Violation>) {
    let (mut decoder, mut seen) = (Decoder::new(MAX_MESSAGE), Vec::new());
    for read in bytes.chunks(len) {
        let (mut read, mut at) = (read.to_vec(), 0);
        while at < read.len() {
            match decoder.decode(&mut read[at..]) {
                Ok((used, event)) => {
                    assert!(used > 0, "no byte was taken");
                    at += used;
                    let Some(event) = event else { continue };
                    seen.push(Seen::of(&event));
                    // Everything after it is to be ignored.
                    if matches!(event, Event::Close(_)) {
                        return (seen, None);
                    }
                }
                Err(violation) => return (seen, Some(violation)),
            }
        }
        assert!(decoder.memory() <= 4 * MAX_MESSAGE, "{} bytes are kept", decoder.memory());
    }
    (seen, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((len, bytes)) = input.split_first() else { return };
    let whole = events(bytes, bytes.len().max(1));
    assert_eq!(events(bytes, usize::from(*len).max(1)), whole);
    assert_eq!(events(bytes, 1), whole);
});
