//! Frames from the server: unmasked, never fragmented.

use bytes::Bytes;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xA;

/// A ping without payload.
pub const PING: Bytes = Bytes::from_static(&[FIN | 0x9, 0]);

/// A close frame without a code: the answer to a close frame without a code.
pub const CLOSE_WITHOUT_CODE: Bytes = Bytes::from_static(&[FIN | CLOSE, 0]);

/// The longest payload that a control frame may have, in bytes.
const MAX_CONTROL: usize = 125;

/// Appends one text frame; `write` appends its payload to the same buffer. `expected` is an
/// estimate of the payload's length in bytes: a good estimate saves moving the payload, and a bad
/// one does not affect the result.
pub fn put_text_frame(out: &mut Vec<u8>, expected: usize, write: impl FnOnce(&mut Vec<u8>)) {
    put_frame(out, TEXT, expected, write);
}

/// Appends one binary frame.
pub fn put_binary_frame(out: &mut Vec<u8>, payload: &[u8]) {
    put_frame(out, BINARY, payload.len(), |out| out.extend_from_slice(payload));
}

fn put_frame(out: &mut Vec<u8>, opcode: u8, expected: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let guess = header_len(expected);
    out.resize(start + guess, 0);
    write(out);
    let len = out.len() - start - guess;
    let needed = header_len(len);
    if needed > guess {
        out.splice(start..start, std::iter::repeat_n(0, needed - guess));
    } else {
        out.drain(start..start + guess - needed);
    }
    let header = &mut out[start..start + needed];
    header[0] = FIN | opcode;
    match needed {
        2 => header[1] = len as u8,
        4 => {
            header[1] = 126;
            header[2..].copy_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

fn header_len(payload: usize) -> usize {
    match payload {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    }
}

/// A close frame. A reason longer than 123 bytes is cut at a character.
#[must_use]
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    control(CLOSE, &payload)
}

/// The answer to a ping, with the same payload: at most 125 bytes.
#[must_use]
pub fn pong_frame(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= MAX_CONTROL);
    let mut frame = Vec::with_capacity(2 + payload.len());
    frame.extend_from_slice(&[FIN | opcode, payload.len() as u8]);
    frame.extend_from_slice(payload);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(len: usize, expected: usize) -> Vec<u8> {
        let mut out = b"before".to_vec();
        put_text_frame(&mut out, expected, |out| out.extend(std::iter::repeat_n(b'x', len)));
        out.split_off(6)
    }

    #[test]
    fn headers_are_minimal() {
        for (len, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 255, 255]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = frame(len, len);
            assert_eq!(&frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + len);
        }
    }

    #[test]
    fn a_binary_frame_differs_in_its_opcode() {
        let mut out = Vec::new();
        put_binary_frame(&mut out, &[0xFF; 126]);
        assert_eq!(out[..4], [0x82, 126, 0, 126]);
        assert_eq!(out[4..], [0xFF; 126]);
    }

    proptest! {
        #[test]
        fn the_guess_changes_nothing(len in 0usize..70_000, expected in 0usize..70_000) {
            prop_assert_eq!(frame(len, expected), frame(len, len));
        }
    }

    #[test]
    fn long_reasons_are_cut_at_a_character() {
        let frame = close_frame(4400, &"ä".repeat(100));
        assert_eq!(frame.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
