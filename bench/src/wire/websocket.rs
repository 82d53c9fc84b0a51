//! WebSocket frames, as far as a load generator needs them: nothing is fragmented, and the client
//! masks with zeros, which every server must accept and which costs nothing.

/// A text message.
pub const TEXT: u8 = 0x1;
/// A binary message.
pub const BINARY: u8 = 0x2;
/// A close frame.
pub const CLOSE: u8 = 0x8;
/// A ping.
pub const PING: u8 = 0x9;
/// A pong.
pub const PONG: u8 = 0xA;

const MASKED: u8 = 0x80;

/// One frame and how many bytes it took.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Text, binary, close, ping or pong.
    pub opcode: u8,
    /// The payload; it needs no unmasking, because servers do not mask.
    pub payload: &'a [u8],
    /// The length including the header.
    pub len: usize,
}

/// The first frame, if it is complete.
pub fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&opcode, &short) = (bytes.first()?, bytes.get(1)?);
    let (header, len) = match short & !MASKED {
        126 => (4, u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]).into()),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, short.into()),
    };
    let header = header + if short & MASKED == 0 { 0 } else { 4 };
    Some(Frame {
        opcode: opcode & 0xF,
        payload: bytes.get(header..header + len)?,
        len: header + len,
    })
}

/// Appends a client's frame; its payload is the concatenation of the parts.
pub fn put_masked(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    put_header(out, opcode, parts, MASKED);
    out.extend([0; 4]);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends a server's frame.
pub fn put(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    put_header(out, opcode, parts, 0);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn put_header(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]], masked: u8) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    out.push(0x80 | opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..126), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_come_back() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            let mut bytes = Vec::new();
            put_masked(&mut bytes, TEXT, &[&payload[..len / 2], &payload[len / 2..]]);
            let masked = bytes.len();
            put(&mut bytes, PONG, &[&payload]);
            assert_eq!(first(&bytes), Some(Frame { opcode: TEXT, payload: &payload, len: masked }));
            assert_eq!(
                first(&bytes[masked..]),
                Some(Frame { opcode: PONG, payload: &payload, len: bytes.len() - masked })
            );
            assert_eq!(first(&bytes[..masked - 1]), None);
        }
    }
}
