//! Strings: finds their unescaped part and decodes their escapes.

use std::borrow::Cow;

/// The inside of a JSON string, as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> Text<'a> {
    /// `raw` is the inside of a string that the reader has checked.
    pub(super) fn new(raw: &'a str, has_escapes: bool) -> Self {
        Self { raw, has_escapes }
    }

    /// The string with its escapes decoded. JSON may escape half of a surrogate pair alone, which
    /// is no character: it becomes the three bytes that it would have in UTF-8. So two strings are
    /// equal if their bytes are.
    pub(crate) fn bytes(self) -> Cow<'a, [u8]> {
        if self.has_escapes {
            Cow::Owned(unescaped(self.raw))
        } else {
            Cow::Borrowed(self.raw.as_bytes())
        }
    }

    /// The string with its escapes decoded; `None` if it contains half of a surrogate pair alone.
    pub(crate) fn characters(self) -> Option<Cow<'a, str>> {
        if !self.has_escapes {
            return Some(Cow::Borrowed(self.raw));
        }
        String::from_utf8(unescaped(self.raw)).ok().map(Cow::Owned)
    }
}

/// The number of bytes before the first quote, backslash or control character, compared eight at a
/// time.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let marks = specials(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return 8 * index + marks.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    8 * chunks.len() + rest.iter().position(special).unwrap_or(rest.len())
}

/// The highest bit of each byte that is special. Only the lowest mark counts: a borrow may set one
/// above it. (Mycroft's test for a byte below a bound; exchanging 0x22 and 0x20 lets one test find
/// the quote and the control characters.)
fn specials(bytes: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES * u64::from(bound)) & !bytes;
    let quote_or_control = below(bytes ^ (ONES * 0x02), 0x21);
    let backslash = below(bytes ^ (ONES * u64::from(b'\\')), 1);
    (quote_or_control | backslash) & (ONES << 7)
}

fn unescaped(raw: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let (code, len) = code_point(&rest[at..]);
        put(&mut out, code);
        rest = &rest[at + len..];
    }
    out.extend_from_slice(rest);
    out
}

/// The code point of the escape at the front, and the escape's length; a surrogate pair counts as
/// one escape.
fn code_point(escape: &[u8]) -> (u32, usize) {
    let plain = match escape.get(1) {
        Some(b'u') => return unicode(escape),
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'n') => 0x0A,
        Some(b'r') => 0x0D,
        Some(b't') => 0x09,
        Some(itself) => *itself,
        None => b'\\',
    };
    (plain.into(), 2.min(escape.len()))
}

fn unicode(escape: &[u8]) -> (u32, usize) {
    let first = unit(escape).unwrap_or_default();
    let second =
        if (0xD800..0xDC00).contains(&first) { escape.get(6..).and_then(unit) } else { None };
    match second {
        Some(second @ 0xDC00..0xE000) => {
            (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
        }
        _ => (first, 6),
    }
}

/// The 16-bit code unit of the `\u12ab` at the front.
fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn put(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xE0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3F) as u8,
            0x80 | (code & 0x3F) as u8,
        ]),
    }
}
