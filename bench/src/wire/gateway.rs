//! The gateway's own protocol: one JSON object per text frame. The peers that speak it write their
//! fields in the documented order, so that a message's number is found without parsing the rest.

use super::{
    Event,
    payload::{self, Payload},
    websocket::{TEXT, put_masked},
};
use anyhow::{Context, Result, bail};
use memchr::{memchr, memmem};

/// A `setup` with the topics to subscribe to.
pub(super) fn setup(out: &mut Vec<u8>, user: &str, topics: &[String]) {
    let topics: Vec<_> = topics.iter().map(|topic| format!("\"{topic}\"")).collect();
    let text = format!(r#"{{"type":"setup","token":"{user}","topics":[{}]}}"#, topics.join(","));
    put_masked(out, TEXT, &[text.as_bytes()]);
}

pub(super) fn subscribe(out: &mut Vec<u8>, topic: &str) {
    put_masked(out, TEXT, &[br#"{"type":"subscribe","topic":""#, topic.as_bytes(), br#""}"#]);
}

pub(super) fn subscribe_from_the_start(out: &mut Vec<u8>, topic: &str) {
    put_masked(
        out,
        TEXT,
        &[br#"{"type":"subscribe","lastSeq":0,"topic":""#, topic.as_bytes(), br#""}"#],
    );
}

pub(super) fn unsubscribe(out: &mut Vec<u8>, topic: &str) {
    put_masked(out, TEXT, &[br#"{"type":"unsubscribe","topic":""#, topic.as_bytes(), br#""}"#]);
}

pub(super) fn publish(out: &mut Vec<u8>, topic: &str, payload: &Payload) {
    let (head, id) = (br#"{"type":"publish","topic":""#, br#"","messageId":""#);
    put_masked(
        out,
        TEXT,
        &[head, topic.as_bytes(), id, payload.id(), br#"","payload":"#, payload.bytes(), b"}"],
    );
}

/// The event that a frame contains. A message's stream is the number at the end of its topic's
/// name.
///
/// # Errors
/// If it is an `error`.
pub(super) fn event(text: &[u8]) -> Result<Event> {
    let kind = text.strip_prefix(br#"{"type":""#).unwrap_or_default();
    if let Some(message) = kind.strip_prefix(br#"message","topic":""#) {
        return self::message(message)
            .with_context(|| format!("not a message: {}", String::from_utf8_lossy(text)));
    }
    if kind.starts_with(br#"ack""#) {
        return Ok(Event::Ack);
    }
    if kind.starts_with(br#"error""#) {
        bail!("{}", String::from_utf8_lossy(text));
    }
    Ok(Event::Answer)
}

/// Reads a message from the rest of the frame after the topic's opening quote.
fn message(rest: &[u8]) -> Option<Event> {
    let (topic, rest) = rest.split_at(memchr(b'"', rest)?);
    let index = topic.iter().rposition(|byte| *byte == b'.')?;
    let rest = rest.strip_prefix(br#"","seqNo":"#)?;
    let number = payload::digits(&rest[..memchr(b',', rest)?])?;
    Some(Event::Message {
        stream: usize::try_from(payload::digits(&topic[index + 1..])?).ok()?,
        number,
    })
}

/// As [`event`], from a server that numbers no message: the payload's number is checked.
///
/// # Errors
/// As [`event`], and if no publisher has sent the payload.
pub(super) fn unnumbered_event(text: &[u8]) -> Result<Event> {
    const DATA: &[u8] = br#"","data":"#;
    if !text.starts_with(br#"{"type":"message","#) {
        return event(text);
    }
    let at = memmem::find(text, DATA).context("a message without data")?;
    let (stream, number) = payload::read(&text[at + DATA.len()..])?;
    Ok(Event::Message { stream, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_topic_and_number() {
        let text = br#"{"type":"message","topic":"bench.7","seqNo":42,"messageId":"1","data":"\"seqNo\":9"}"#;
        assert_eq!(event(text).unwrap(), Event::Message { stream: 7, number: 42 });
        assert!(event(br#"{"type":"message","topic":"bench.7","seqNo":"42"}"#).is_err());
        assert!(event(br#"{"type":"error","code":"RATE_LIMITED"}"#).is_err());
        assert_eq!(event(br#"{"type":"ack","messageId":"1"}"#).unwrap(), Event::Ack);
        assert_eq!(
            event(br#"{"type":"subscribed","topic":"bench.7","seqNo":42}"#).unwrap(),
            Event::Answer
        );
    }

    #[test]
    fn a_message_without_a_number_tells_its_payloads() {
        let mut payload = Payload::new(3, 32);
        payload.next();
        let data = String::from_utf8_lossy(payload.bytes());
        let text = format!(
            r#"{{"type":"message","topic":"bench.7","messageId":"00003-0000000001","data":{data}}}"#
        );
        let message = Event::Message { stream: 3, number: 1 };
        assert_eq!(unnumbered_event(text.as_bytes()).unwrap(), message);
        assert!(event(text.as_bytes()).is_err());
        assert_eq!(unnumbered_event(br#"{"type":"ack","messageId":"1"}"#).unwrap(), Event::Ack);
    }
}
