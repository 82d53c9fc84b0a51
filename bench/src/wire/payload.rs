//! The payload of a message: a JSON string that begins with its publisher and number, so that
//! messages can be checked even if the server does not number them. `"00003-0000000042-xxxx…"`

use anyhow::{Context, Result};

const PUBLISHER: std::ops::Range<usize> = 1..6;
const NUMBER: std::ops::Range<usize> = 7..17;

/// One publisher's payload, overwritten for each message.
#[derive(Clone, Debug)]
pub struct Payload {
    bytes: Vec<u8>,
    number: u64,
}

impl Payload {
    /// A payload of `len` bytes including the quotes, at least 19.
    pub fn new(publisher: usize, len: usize) -> Self {
        let head = format!("\"{publisher:05}-{:010}-", 0);
        let filling = "x".repeat(len.saturating_sub(head.len() + 1));
        Self { bytes: format!("{head}{filling}\"").into_bytes(), number: 0 }
    }

    /// Makes it the next message's; numbers begin at 1.
    pub fn next(&mut self) {
        self.number += 1;
        let mut rest = self.number;
        for digit in self.bytes[NUMBER].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// The bytes to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digits of its number, by which an answer may name it.
    pub fn number_digits(&self) -> &[u8] {
        &self.bytes[NUMBER]
    }

    /// A part that no other message of the publisher has: usable as a message id.
    pub fn id(&self) -> &[u8] {
        &self.bytes[PUBLISHER.start..NUMBER.end]
    }
}

/// Publisher and number of a payload.
///
/// # Errors
/// If it was not made by [`Payload`].
pub fn read(payload: &[u8]) -> Result<(usize, u64)> {
    let publisher = payload.get(PUBLISHER).and_then(digits);
    let number = payload.get(NUMBER).and_then(digits);
    let (publisher, number) =
        publisher.zip(number).context("a payload that no publisher has sent")?;
    Ok((usize::try_from(publisher)?, number))
}

/// The number that the digits are; `None` if there is any other byte.
pub(super) fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |number: u64, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_length_and_tells_its_number() {
        let mut payload = Payload::new(42, 128);
        for number in 1..=12 {
            payload.next();
            assert_eq!(payload.bytes().len(), 128);
            assert_eq!(read(payload.bytes()).unwrap(), (42, number));
        }
        assert_eq!(payload.id(), b"00042-0000000012");
        assert!(read(b"\"0004x-0000000012-\"").is_err());
        assert!(read(b"\"\"").is_err());
    }
}
