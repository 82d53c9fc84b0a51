//! RFC 6455 as a client speaks it, as far as the simulation needs it: written without the gateway's
//! own codec.

use serde_json::Value;
use tokio::time::Instant;

/// A whole frame from the gateway.
#[derive(Debug)]
pub(super) enum Frame {
    /// Of the protocol.
    Text(Value),
    Ping,
    Close(u16),
}

/// A masked text frame. The mask is zero: that changes nothing, and is allowed.
pub(super) fn text(json: &Value) -> Vec<u8> {
    frame(0x81, json.to_string().as_bytes())
}

/// A masked close frame.
pub(super) fn close(code: u16) -> Vec<u8> {
    frame(0x88, &code.to_be_bytes())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ ..=125) => bytes.push(0x80 | len),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Bytes that became no whole frame yet.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// When the first of them was written.
    since: Option<Instant>,
}

impl Decoder {
    /// The frames that are whole now, each with the moment at which its first byte was written.
    pub(super) fn take(&mut self, written: Instant, bytes: &[u8]) -> Vec<(Instant, Frame)> {
        let since = self.since.take().unwrap_or(written);
        self.bytes.extend(bytes);
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some((used, frame)) = first(&self.bytes[at..]) {
            frames.push((if at == 0 { since } else { written }, frame));
            at += used;
        }
        self.bytes.drain(..at);
        self.since = (!self.bytes.is_empty()).then_some(if at == 0 { since } else { written });
        frames
    }
}

fn first(bytes: &[u8]) -> Option<(usize, Frame)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert!(second & 0x80 == 0, "a server does not mask");
    let (start, len) = match second {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => panic!("a frame above 64 KiB"),
        len => (2, usize::from(len)),
    };
    let payload = bytes.get(start..start + len)?;
    let frame = match first {
        0x81 => Frame::Text(serde_json::from_slice(payload).unwrap()),
        0x88 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
        0x89 => Frame::Ping,
        other => panic!("a frame that begins with {other:#x}"),
    };
    Some((start + len, frame))
}
