//! RFC 6455 sections 5 and 8.1 read literally: slow, only for complete inputs, and sharing no code
//! with the decoder.

use super::Seen;

/// The events in `bytes` up to a close, and the close code of the first violation.
pub(super) fn read(bytes: &[u8], max: usize) -> (Vec<Seen>, Option<u16>) {
    let mut reader = Reader { rest: bytes, max, message: None, seen: Vec::new() };
    loop {
        match reader.frame() {
            Some(Ok(())) if matches!(reader.seen.last(), Some(Seen::Close(_))) => {
                return (reader.seen, None);
            }
            Some(Ok(())) => {}
            Some(Err(code)) => return (reader.seen, Some(code)),
            None => return (reader.seen, None),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    max: usize,
    /// The opcode of a message's first fragment, and its payload so far.
    message: Option<(u8, Vec<u8>)>,
    seen: Vec<Seen>,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn number(&mut self, bytes: usize) -> Option<u128> {
        (0..bytes).try_fold(0, |number, _| Some(number << 8 | u128::from(self.byte()?)))
    }

    /// Reads one frame. `None`: the bytes end within it.
    fn frame(&mut self) -> Option<Result<(), u16>> {
        let (first, second) = (self.byte()?, self.byte()?);
        let (is_last, opcode, short) = (first >= 128, first % 16, second % 128);
        let is_control = opcode >= 8;
        let wrong = first / 16 % 8 != 0
            || second < 128
            || matches!(opcode, 3..=7 | 11..=15)
            || is_control && (!is_last || short > 125)
            || !is_control && (opcode == 0) != self.message.is_some();
        if wrong {
            return Some(Err(1002));
        }
        let len = match short {
            126 => self.number(2)?,
            127 => self.number(8)?,
            _ => short.into(),
        };
        let least = match short {
            126 => 126,
            127 => 1 << 16,
            _ => 0,
        };
        if len < least || len >= 1 << 63 {
            return Some(Err(1002));
        }
        let before = self.message.as_ref().map_or(0, |(_, payload)| payload.len() as u128);
        if !is_control && before + len > self.max as u128 {
            return Some(Err(1009));
        }
        let mask = self.number(4)?;
        let mut payload = Vec::new();
        while (payload.len() as u128) < len {
            let Some(byte) = self.byte() else { break };
            payload.push(byte ^ (mask >> (24 - payload.len() % 4 * 8)) as u8);
        }
        let is_whole = payload.len() as u128 == len;
        if is_control {
            is_whole.then(|| self.control(opcode, payload))
        } else {
            self.data(opcode, payload, is_whole, is_last)
        }
    }

    fn data(
        &mut self,
        opcode: u8,
        payload: Vec<u8>,
        is_whole: bool,
        is_last: bool,
    ) -> Option<Result<(), u16>> {
        let (opcode, mut message) = self.message.take().unwrap_or((opcode, Vec::new()));
        message.extend(payload);
        if opcode == 1 {
            match missing(&message) {
                None => return Some(Err(1007)),
                Some(1..) if is_whole && is_last => return Some(Err(1007)),
                Some(_) => {}
            }
        }
        if !is_whole {
            return None;
        }
        if !is_last {
            self.message = Some((opcode, message));
        } else if opcode == 1 {
            self.seen.push(Seen::Text(String::from_utf8(message).expect("it was looked at above")));
        } else {
            self.seen.push(Seen::Binary(message));
        }
        Some(Ok(()))
    }

    fn control(&mut self, opcode: u8, payload: Vec<u8>) -> Result<(), u16> {
        self.seen.push(match (opcode, &payload[..]) {
            (9, _) => Seen::Ping(payload),
            (10, _) => Seen::Pong(payload),
            (_, []) => Seen::Close(None),
            (_, [_]) => return Err(1002),
            (_, [high, low, reason @ ..]) => {
                let code = u16::from(*high) << 8 | u16::from(*low);
                let known = (1000..=1014).contains(&code) && ![1004, 1005, 1006].contains(&code);
                if !known && !(3000..5000).contains(&code) {
                    return Err(1002);
                }
                if missing(reason) != Some(0) {
                    return Err(1007);
                }
                Seen::Close(Some((code, String::from_utf8_lossy(reason).into())))
            }
        });
        Ok(())
    }
}

/// How many more bytes the last character needs, by the table of RFC 3629 section 4. `None`: the
/// text is not UTF-8.
fn missing(text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter();
    while let Some(first) = bytes.next() {
        let (more, second) = match first {
            0x00..=0x7F => continue,
            0xC2..=0xDF => (1, 0x80..=0xBF),
            0xE0 => (2, 0xA0..=0xBF),
            0xE1..=0xEC | 0xEE | 0xEF => (2, 0x80..=0xBF),
            0xED => (2, 0x80..=0x9F),
            0xF0 => (3, 0x90..=0xBF),
            0xF1..=0xF3 => (3, 0x80..=0xBF),
            0xF4 => (3, 0x80..=0x8F),
            _ => return None,
        };
        for i in 0..more {
            let Some(byte) = bytes.next() else { return Some(more - i) };
            if !(if i == 0 { second.clone() } else { 0x80..=0xBF }).contains(byte) {
                return None;
            }
        }
    }
    Some(0)
}
