//! Socket.IO over WebSocket, as `peers/npm/socket-io.mjs` uses it: one packet per text frame. The
//! servers number no message; the payload's number is checked. An event with a number behind its
//! type is acknowledged under that number.

use super::{
    Event,
    payload::{self, Payload},
    websocket::{TEXT, put_masked},
};
use anyhow::{Context, Result, bail};
use memchr::memchr;

/// The path of the upgrade.
pub(super) const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// What the server sends until the connection is subscribed: Engine.IO's `open`, Socket.IO's
/// `connect`, and the script's `ready`.
pub(super) const ANSWERS: usize = 3;

/// A `connect`; the script reads the topics from its credentials.
pub(super) fn setup(out: &mut Vec<u8>, topics: &[String]) {
    let topics: Vec<_> = topics.iter().map(|topic| format!("\"{topic}\"")).collect();
    let text = format!(r#"40{{"topics":[{}]}}"#, topics.join(","));
    put_masked(out, TEXT, &[text.as_bytes()]);
}

pub(super) fn publish(out: &mut Vec<u8>, topic: &str, payload: &Payload) {
    let (head, id) = (br#"["publish",""#, br#"",""#);
    put_masked(
        out,
        TEXT,
        &[
            b"42",
            payload.number_digits(),
            head,
            topic.as_bytes(),
            id,
            payload.id(),
            br#"","#,
            payload.bytes(),
            b"]",
        ],
    );
}

/// The answer to a ping, which is a packet here and no frame of its own.
pub(super) fn pong(out: &mut Vec<u8>) {
    put_masked(out, TEXT, &[b"3"]);
}

/// The event that a packet contains.
///
/// # Errors
/// If it is a refusal or a `disconnect`, or a message that no publisher has sent.
pub(super) fn event(text: &[u8]) -> Result<Event> {
    if let Some(message) = text.strip_prefix(br#"42["message",""#) {
        return self::message(message)
            .with_context(|| format!("not a message: {}", String::from_utf8_lossy(text)));
    }
    Ok(match text {
        b"2" => Event::Ping,
        [b'4', b'3', ..] => Event::Ack,
        [b'4', b'1' | b'4', ..] => bail!("refused: {}", String::from_utf8_lossy(text)),
        _ => Event::Answer,
    })
}

/// Reads a message from the rest of the packet after the topic's opening quote.
fn message(rest: &[u8]) -> Result<Event> {
    let end = |rest: &[u8]| memchr(b'"', rest).context("a string without an end");
    let id = &rest[end(rest)?..];
    let id = id.strip_prefix(br#"",""#).context("no message id")?;
    let payload = &id[end(id)?..];
    let (stream, number) = payload::read(payload.strip_prefix(br#"","#).context("no payload")?)?;
    Ok(Event::Message { stream, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let mut payload = Payload::new(7, 40);
        payload.next();
        let text = format!(
            r#"42["message","bench.0","00007-0000000001",{}]"#,
            String::from_utf8_lossy(payload.bytes())
        );
        assert_eq!(event(text.as_bytes()).unwrap(), Event::Message { stream: 7, number: 1 });
        assert!(event(br#"42["message","bench.0","1",null]"#).is_err());
        assert_eq!(event(b"431[]").unwrap(), Event::Ack);
        assert_eq!(event(b"2").unwrap(), Event::Ping);
        assert_eq!(event(br#"40{"sid":"a"}"#).unwrap(), Event::Answer);
        assert!(event(b"44{}").is_err());
    }
}
