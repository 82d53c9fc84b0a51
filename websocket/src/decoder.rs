//! Frames from a client, RFC 6455 section 5. A message that is complete in the reader's buffer is
//! unmasked and joined there; any other message is collected in the decoder. At rest a decoder
//! holds no buffer.
//!
//! A text that is not UTF-8 is refused at the first byte that cannot be valid, even in the middle
//! of a frame (section 8.1).

mod text;

use super::{Violation, mask::unmask};
use std::time::Instant;
use text::Checked;

/// A complete message or control frame of a client. Borrows from the reader's buffer or from the
/// decoder.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong: the answer to a ping, or unsolicited.
    Pong(&'a [u8]),
    /// The client closes. Ignore everything after it.
    Close(Option<Close<'a>>),
}

/// The content of a close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// The status code, one that is allowed in a frame (section 7.4).
    pub code: u16,
    /// The reason, for people.
    pub reason: &'a str,
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Two bytes, up to eight of length, four of mask.
const MAX_HEADER: usize = 14;

/// Turns a client's bytes into [`Event`]s.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    /// Bytes of messages and frames that are not complete in the reader's buffer; `None` at rest.
    partial: Option<Box<Partial>>,
}

#[derive(Debug, Default)]
struct Partial {
    header: Vec<u8>,
    frame: Option<Frame>,
    /// The payload of an incomplete data frame, and of the fragments before it.
    message: Vec<u8>,
    /// How much of a text message is known to be valid UTF-8.
    checked: Checked,
    /// The opcode of the message that has begun.
    opcode: Option<u8>,
    control: Vec<u8>,
    /// The payload of the last event is in `control` and can be released.
    is_control_spent: bool,
    /// The time that the first call of [`Decoder::under_way_since`] was given.
    since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    fin: bool,
    mask: [u8; 4],
    /// Bytes of payload in total, and bytes that were taken already.
    len: usize,
    taken: usize,
}

impl Frame {
    fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }
}

impl Decoder {
    /// A decoder that takes messages of up to `max_message` bytes.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self { max_message, partial: None }
    }

    /// Sets the limit of a message to `max_message` bytes, from the next frame on.
    pub fn set_max_message(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// The time since which a message is incomplete, or a control frame outside of a message: the
    /// `now` of the first call that found it so. `None`: nothing is incomplete.
    pub fn under_way_since(&mut self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        self.partial.as_mut().map(|partial| *partial.since.get_or_insert_with(now))
    }

    /// Bytes of memory that incomplete messages and frames take.
    #[must_use]
    pub fn memory(&self) -> usize {
        let Some(partial) = &self.partial else { return 0 };
        size_of::<Partial>()
            + partial.header.capacity()
            + partial.message.capacity()
            + partial.control.capacity()
    }

    /// Whether the bytes so far end at the end of a frame.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.partial
            .as_ref()
            .is_none_or(|partial| partial.frame.is_none() && partial.header.is_empty())
    }

    /// Takes bytes from the start of `input`, which it modifies, until one event is complete or all
    /// bytes are taken. Returns how many bytes it took. Do not hand in these bytes again.
    ///
    /// # Errors
    /// A [`Violation`], after which the decoder must not be used.
    pub fn decode<'a>(
        &'a mut self,
        input: &'a mut [u8],
    ) -> Result<(usize, Option<Event<'a>>), Violation> {
        self.release();
        let (frame, header, is_new) = match self.partial.as_mut().and_then(|p| p.frame.take()) {
            Some(frame) => (frame, 0, false),
            None => match self.read_header(input)? {
                (used, Some(frame)) => (frame, used, true),
                (used, None) => return Ok((used, None)),
            },
        };
        let available = (input.len() - header).min(frame.len - frame.taken);
        let payload = &mut input[header..header + available];
        unmask(payload, frame.mask, frame.taken);
        let used = header + available;
        if is_new && available == frame.len && frame.fin && frame.opcode != CONTINUATION {
            return Ok((used, Some(event(frame.opcode, payload)?)));
        }
        let partial = self.partial.get_or_insert_default();
        Ok((used, partial.collect(frame, payload, self.max_message)?))
    }

    /// Frees the memory that the last event borrowed. [`Decoder::decode`] calls it; a caller that
    /// waits before it decodes again calls it itself.
    pub fn release(&mut self) {
        if let Some(partial) = &mut self.partial {
            if std::mem::take(&mut partial.is_control_spent) {
                partial.control = Vec::new();
            }
            if partial.is_empty() {
                self.partial = None;
            }
        }
    }

    /// Takes a header from the start of `input`, joined with the bytes of it that came before.
    fn read_header(&mut self, input: &[u8]) -> Result<(usize, Option<Frame>), Violation> {
        let before =
            self.partial.as_mut().map(|p| std::mem::take(&mut p.header)).unwrap_or_default();
        let mut bytes = [0; MAX_HEADER];
        let fresh = input.len().min(MAX_HEADER - before.len());
        bytes[..before.len()].copy_from_slice(&before);
        bytes[before.len()..before.len() + fresh].copy_from_slice(&input[..fresh]);
        let known = &bytes[..before.len() + fresh];
        match self.parse_header(known)? {
            Some((frame, len)) => Ok((len - before.len(), Some(frame))),
            None => {
                if !known.is_empty() {
                    self.partial.get_or_insert_default().header = known.to_vec();
                }
                Ok((fresh, None))
            }
        }
    }

    /// `None`: more bytes are needed.
    fn parse_header(&self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        if first & 0x70 != 0 {
            return Err(Violation::Protocol(
                "reserved bits are set, and no extension was negotiated",
            ));
        }
        if second & 0x80 == 0 {
            return Err(Violation::Protocol("a client's frames must be masked"));
        }
        self.check_opcode(opcode, fin, second & 0x7F)?;
        let (len, rest, length_bytes) = match second & 0x7F {
            126 => match rest.split_first_chunk::<2>() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest, 2),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest, 8),
                None => return Ok(None),
            },
            short => (u64::from(short), rest, 0),
        };
        if (length_bytes == 2 && len < 126) || (length_bytes == 8 && len < 65_536) || len >> 63 == 1
        {
            return Err(Violation::Protocol("a length must be written as short as it can be"));
        }
        let collected = self.partial.as_ref().map_or(0, |p| p.message.len());
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if opcode < CLOSE && len > self.max_message.saturating_sub(collected) {
            return Err(Violation::TooLarge(self.max_message));
        }
        let Some((&mask, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        Ok(Some((Frame { opcode, fin, mask, len, taken: 0 }, 2 + length_bytes + 4)))
    }

    fn check_opcode(&self, opcode: u8, fin: bool, short_len: u8) -> Result<(), Violation> {
        let fragmented = self.partial.as_ref().is_some_and(|p| p.opcode.is_some());
        match opcode {
            TEXT | BINARY if fragmented => {
                Err(Violation::Protocol("a new message inside of a fragmented one"))
            }
            CONTINUATION if !fragmented => {
                Err(Violation::Protocol("a continuation without a beginning"))
            }
            CONTINUATION | TEXT | BINARY => Ok(()),
            CLOSE | PING | PONG if !fin => {
                Err(Violation::Protocol("a control frame must not be fragmented"))
            }
            CLOSE | PING | PONG if short_len > 125 => {
                Err(Violation::Protocol("a control frame has at most 125 bytes"))
            }
            CLOSE | PING | PONG => Ok(()),
            _ => Err(Violation::Protocol("an opcode that RFC 6455 does not define")),
        }
    }
}

impl Partial {
    /// Whether nothing is incomplete: a message that was handed out counts until it is released.
    fn is_empty(&self) -> bool {
        self.frame.is_none() && self.opcode.is_none() && self.header.is_empty()
    }

    /// Adds `payload` to the message or control frame that `frame` belongs to; returns the event if
    /// that is complete now.
    fn collect(
        &mut self,
        mut frame: Frame,
        payload: &[u8],
        max_message: usize,
    ) -> Result<Option<Event<'_>>, Violation> {
        frame.taken += payload.len();
        let whole = frame.taken == frame.len;
        if !whole {
            self.frame = Some(frame);
        }
        if frame.is_control() {
            self.control.extend_from_slice(payload);
            if !whole {
                return Ok(None);
            }
            self.is_control_spent = true;
            return event(frame.opcode, &self.control).map(Some);
        }
        let opcode = *self.opcode.get_or_insert(frame.opcode);
        self.make_room(payload.len(), max_message);
        self.message.extend_from_slice(payload);
        if !(whole && frame.fin) {
            if opcode == TEXT {
                self.checked.go_on(&self.message)?;
            }
            return Ok(None);
        }
        self.opcode = None;
        event(opcode, &self.message).map(Some)
    }

    /// Grows the message's buffer by doubling, as a vector does, but never beyond the limit of a
    /// message.
    fn make_room(&mut self, more: usize, max_message: usize) {
        let needed = self.message.len() + more;
        if needed > self.message.capacity() {
            let capacity = needed.max((2 * self.message.capacity()).min(max_message));
            self.message.reserve_exact(capacity - self.message.len());
        }
    }
}

fn event(opcode: u8, payload: &[u8]) -> Result<Event<'_>, Violation> {
    Ok(match opcode {
        TEXT => Event::Text(text(payload)?),
        BINARY => Event::Binary(payload),
        PING => Event::Ping(payload),
        PONG => Event::Pong(payload),
        _ => Event::Close(close(payload)?),
    })
}

fn text(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| Violation::NotUtf8)
}

fn close(payload: &[u8]) -> Result<Option<Close<'_>>, Violation> {
    match payload.split_first_chunk::<2>() {
        None if payload.is_empty() => Ok(None),
        None => Err(Violation::Protocol(
            "a close frame has no payload, or a code of two bytes and a reason",
        )),
        Some((&code, reason)) => match u16::from_be_bytes(code) {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => {
                Ok(Some(Close { code, reason: text(reason)? }))
            }
            _ => Err(Violation::Protocol("a close code that must not be sent")),
        },
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
