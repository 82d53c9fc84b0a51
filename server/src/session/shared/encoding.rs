//! Records as bytes: numbers in seven bits a byte, texts behind their length. The first byte is the
//! version, the second one says what follows.

use std::time::Duration;

/// The version of all records that this gateway writes, and the only one that it reads.
const VERSION: u8 = 1;

/// The bytes are no record of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a record that this version of the gateway reads")]
pub(super) struct Unreadable;

/// Puts a record together.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(tag: u8) -> Self {
        Self(vec![VERSION, tag])
    }

    pub(super) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// In whole milliseconds, rounded down.
    pub(super) fn duration(&mut self, duration: Duration) -> &mut Self {
        self.number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a record apart. Nothing is allocated that the bytes do not hold.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The tag, and the reader of what follows.
    pub(super) fn new(record: &'a [u8]) -> Result<(u8, Self), Unreadable> {
        match record {
            [VERSION, tag, rest @ ..] => Ok((*tag, Self(rest))),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = *self.array()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(Unreadable);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable)
    }

    /// How many items follow, each of at least one byte.
    pub(super) fn count(&mut self) -> Result<usize, Unreadable> {
        let count = usize::try_from(self.number()?).map_err(|_| Unreadable)?;
        if count > self.0.len() { Err(Unreadable) } else { Ok(count) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Unreadable)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Unreadable> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(array)
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Unreadable> {
        self.number().map(Duration::from_millis)
    }

    /// Nothing may follow.
    pub(super) fn finish(self) -> Result<(), Unreadable> {
        if self.0.is_empty() { Ok(()) } else { Err(Unreadable) }
    }
}
