//! The NATS protocol: lines, and payloads of a given length. A `PUB` has no answer of its own, so
//! each is followed by a `PING`, whose `PONG` says that the server has accepted the message: NATS
//! clients call this a flush.

use super::{
    Event,
    payload::{self, Payload, digits},
};
use anyhow::{Context, Result, bail};
use memchr::memchr;

pub(super) fn setup(out: &mut Vec<u8>, topics: &[String]) {
    out.extend(br#"CONNECT {"verbose":false,"pedantic":false}"#);
    out.extend(b"\r\n");
    for (index, topic) in topics.iter().enumerate() {
        out.extend(format!("SUB {topic} {index}\r\n").as_bytes());
    }
    out.extend(b"PING\r\n");
}

pub(super) fn publish(out: &mut Vec<u8>, topic: &str, payload: &Payload) {
    out.extend(b"PUB ");
    out.extend(topic.as_bytes());
    out.extend(format!(" {}\r\n", payload.bytes().len()).as_bytes());
    out.extend(payload.bytes());
    out.extend(b"\r\nPING\r\n");
}

/// Calls `each` with each complete item; returns how many bytes they took.
pub(super) fn events(bytes: &[u8], each: &mut impl FnMut(Event) -> Result<()>) -> Result<usize> {
    let mut at = 0;
    while let Some((event, len)) = first(&bytes[at..])? {
        each(event)?;
        at += len;
    }
    Ok(at)
}

fn first(bytes: &[u8]) -> Result<Option<(Event, usize)>> {
    let Some(end) = memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let (line, head) = (bytes[..end].trim_ascii_end(), end + 1);
    if line.starts_with(b"MSG ") {
        let len = line
            .rsplit(|byte| *byte == b' ')
            .next()
            .and_then(digits)
            .context("MSG without a length")?;
        let len = usize::try_from(len)?;
        let Some(content) = bytes.get(head..head + len + 2) else {
            return Ok(None);
        };
        let (stream, number) = payload::read(&content[..len])?;
        return Ok(Some((Event::Message { stream, number }, head + len + 2)));
    }
    let event = match line {
        b"PONG" => Event::Ack,
        b"PING" => Event::Ping,
        _ if line.starts_with(b"-ERR") => bail!("{}", String::from_utf8_lossy(line)),
        _ => Event::Answer,
    };
    Ok(Some((event, head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_taken_as_they_become_whole() {
        let mut payload = Payload::new(3, 32);
        payload.next();
        let mut bytes = b"INFO {}\r\nPONG\r\nMSG bench.0 1 32\r\n".to_vec();
        let message = bytes.len() - "MSG bench.0 1 32\r\n".len();
        bytes.extend(payload.bytes());
        bytes.extend(b"\r\n");
        for end in 0..=bytes.len() {
            let mut seen = Vec::new();
            let taken = events(&bytes[..end], &mut |event| {
                seen.push(event);
                Ok(())
            })
            .unwrap();
            let whole = [Event::Answer, Event::Ack, Event::Message { stream: 3, number: 1 }];
            let count = usize::from(end >= 9)
                + usize::from(end >= message)
                + usize::from(end == bytes.len());
            assert_eq!(seen, whole[..count]);
            assert_eq!(taken, [0, 9, message, bytes.len()][count]);
        }
        assert!(events(b"-ERR 'no'\r\n", &mut |_| Ok(())).is_err());
    }
}
