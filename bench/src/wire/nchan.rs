//! Nchan over WebSocket: a channel is a path, a message is a text frame, and each published message
//! is answered by a frame that describes the channel.

use super::{
    Event,
    payload::{self, Payload},
    websocket::{TEXT, put_masked},
};
use anyhow::Result;

/// The path for subscribing, publishing, or both.
pub(super) fn path(subscribes: bool, publishes: bool, topic: &str) -> String {
    let what = match (subscribes, publishes) {
        (true, false) => "sub",
        (false, _) => "pub",
        (true, true) => "both",
    };
    format!("/{what}/{topic}")
}

pub(super) fn publish(out: &mut Vec<u8>, payload: &Payload) {
    put_masked(out, TEXT, &[payload.bytes()]);
}

/// Messages are JSON strings, answers are not.
pub(super) fn event(text: &[u8]) -> Result<Event> {
    if !text.starts_with(b"\"") {
        return Ok(Event::Ack);
    }
    let (stream, number) = payload::read(text)?;
    Ok(Event::Message { stream, number })
}
