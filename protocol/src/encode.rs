//! Appends frames to a buffer. The two frames of the hot path, `message` and `ack`, are written
//! without serde, which is several times faster because no name is checked again. The tests compare
//! the bytes with serde's.

use crate::{AckStatus, MessageId, ServerFrame, Topic};

/// The beginning that all `message` frames of a topic share, encoded once per topic.
#[derive(Debug, Clone)]
pub struct MessagePrefix(Box<[u8]>);

impl MessagePrefix {
    /// The beginning for the messages of `topic`.
    #[must_use]
    pub fn new(topic: &Topic<'_>) -> Self {
        let mut bytes = br#"{"type":"message","topic":"#.to_vec();
        put_text(&mut bytes, topic.as_str());
        bytes.extend_from_slice(br#","seqNo":"#);
        Self(bytes.into())
    }

    /// Appends one whole `message` frame. `data` has to be one JSON value, `sig` base64url. No
    /// message of the topic lies between `prev` and `seq_no`; the frame says so if it is not
    /// `seq_no - 1`.
    #[inline]
    pub fn put(
        &self,
        out: &mut Vec<u8>,
        (prev, seq_no): (u64, u64),
        message_id: &MessageId<'_>,
        data: &str,
        sig: Option<&[u8]>,
    ) {
        out.extend_from_slice(&self.0);
        put_number(out, seq_no);
        put_content(out, message_id, data);
        if prev + 1 != seq_no {
            out.extend_from_slice(br#","prevSeqNo":"#);
            put_number(out, prev);
        }
        if let Some(sig) = sig {
            out.extend_from_slice(br#","sig":""#);
            out.extend_from_slice(sig);
            out.push(b'"');
        }
        out.push(b'}');
    }

    /// `frame`, one whole `message` frame of this topic, with `known` as the number before which no
    /// message is missing. `None`: it names that number or a lower one already.
    #[must_use]
    pub fn continuing_from(&self, known: u64, frame: &[u8]) -> Option<Vec<u8>> {
        const SIG: &[u8] = br#","sig":""#;
        const PREV: &[u8] = br#","prevSeqNo":"#;
        let rest = frame.strip_prefix(&*self.0)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq_no = number(&rest[..digits])?;
        let body = frame.strip_suffix(b"}")?;
        // Data has no unescaped quote at its end if it is text, and another end if it is not.
        let sig = body.ends_with(b"\"").then(|| rfind(body, SIG)).flatten();
        let (body, sig) = body.split_at(sig.unwrap_or(body.len()));
        let prev = rfind(body, PREV).and_then(|at| Some((at, number(&body[at + PREV.len()..])?)));
        let (body, prev) = match prev {
            Some((at, prev)) => (&body[..at], prev),
            None => (body, seq_no.checked_sub(1)?),
        };
        if prev <= known {
            return None;
        }
        let mut out = body.to_vec();
        out.extend_from_slice(PREV);
        put_number(&mut out, known);
        out.extend_from_slice(sig);
        out.push(b'}');
        Some(out)
    }

    /// Whether `frame`, one whole `message` frame of this topic, holds this message.
    #[must_use]
    pub fn is_message(&self, frame: &[u8], message_id: &MessageId<'_>, data: &str) -> bool {
        let Some(rest) = frame.strip_prefix(&*self.0) else { return false };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut content = Vec::new();
        put_content(&mut content, message_id, data);
        rest[digits..].strip_prefix(&*content).is_some_and(|rest| matches!(rest, [b'}' | b',', ..]))
    }

    /// An upper bound for the length of a frame, in bytes, if no character needs an escape and the
    /// numbers have at most 20 digits together. `sig` is the signature's length.
    #[must_use]
    pub fn frame_len(&self, message_id: &MessageId<'_>, data: &str, sig: Option<usize>) -> usize {
        let sig = sig.map_or(0, |len| len + r#","sig":"""#.len());
        self.0.len()
            + message_id.as_str().len()
            + data.len()
            + sig
            + r#","messageId":"","data":}"#.len()
            + 20
    }
}

#[inline]
fn put_content(out: &mut Vec<u8>, message_id: &MessageId<'_>, data: &str) {
    out.extend_from_slice(br#","messageId":"#);
    put_text(out, message_id.as_str());
    out.extend_from_slice(br#","data":"#);
    out.extend_from_slice(data.as_bytes());
}

/// Appends one whole frame of any kind.
pub fn put_frame(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    if let Err(error) = serde_json::to_writer(out, frame) {
        unreachable!("the gateway's frames are JSON: {error}");
    }
}

/// Appends one whole `ack` frame.
pub fn put_ack(
    out: &mut Vec<u8>,
    message_id: &MessageId<'_>,
    status: AckStatus,
    topic: &Topic<'_>,
    seq_no: u64,
) {
    out.extend_from_slice(br#"{"type":"ack","messageId":"#);
    put_text(out, message_id.as_str());
    out.extend_from_slice(match status {
        AckStatus::Ok => br#","status":"ok","topic":"#.as_slice(),
        AckStatus::Duplicate => br#","status":"duplicate","topic":"#.as_slice(),
    });
    put_text(out, topic.as_str());
    out.extend_from_slice(br#","seqNo":"#);
    put_number(out, seq_no);
    out.push(b'}');
}

/// Appends a name as a JSON string. Names contain no control characters, so only `"` and `\` need
/// an escape.
fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for part in text.as_bytes().split_inclusive(|&b| b == b'"' || b == b'\\') {
        match part.split_last() {
            Some((&last @ (b'"' | b'\\'), before)) => {
                out.extend_from_slice(before);
                out.extend_from_slice(&[b'\\', last]);
            }
            _ => out.extend_from_slice(part),
        }
    }
    out.push(b'"');
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Of digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

fn rfind(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).rposition(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ack, Message, Payload, SeqNo, ServerFrame};
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn name() -> impl Strategy<Value = String> {
        "[a\"\\\\ä€/ b]{1,12}".prop_map(|s| format!("x{s}x"))
    }

    proptest! {
        #[test]
        fn the_same_bytes_as_serde(
            topic in name(),
            id in name(),
            seq_no in 1..=SeqNo::MAX,
            skipped in prop_oneof![Just(0), 0..=SeqNo::MAX],
            duplicate: bool,
            sig in proptest::option::of("[A-Za-z0-9_-]{86}"),
        ) {
            let (topic, message_id) = (Topic::new(topic).unwrap(), MessageId::new(id).unwrap());
            let data = r#"{"a" : 1.50}"#;
            let mut fast = Vec::new();
            let prev = (seq_no - 1).saturating_sub(skipped);
            let prefix = MessagePrefix::new(&topic);
            prefix.put(&mut fast, (prev, seq_no), &message_id, data, sig.as_deref().map(str::as_bytes));
            let seq = SeqNo::new(seq_no).unwrap();
            let prev_seq_no = SeqNo::new(prev).ok().filter(|_| prev + 1 != seq_no);
            let slow = ServerFrame::Message(Message {
                topic: topic.clone(), seq_no: seq, message_id: message_id.clone(), data: Payload::parse(data).unwrap(), prev_seq_no, sig: sig.clone().map(Into::into),
            });
            prop_assert!(prefix.is_message(&fast, &message_id, data));
            let other = MessageId::new(format!("{}x", message_id.as_str())).unwrap();
            prop_assert!(!prefix.is_message(&fast, &other, data) && !prefix.is_message(&fast, &message_id, "1"));
            prop_assert!(!MessagePrefix::new(&Topic::new("other").unwrap()).is_message(&fast, &message_id, data));
            prop_assert_eq!(std::str::from_utf8(&fast).unwrap(), serde_json::to_string(&slow).unwrap());
            let bound = prefix.frame_len(&message_id, data, sig.as_ref().map(String::len)) + 33;
            let escapes = message_id.as_str().matches(['"', '\\']).count();
            prop_assert!(fast.len() <= bound + escapes);
            prop_assert_eq!(ServerFrame::parse(std::str::from_utf8(&fast).unwrap()).unwrap(), slow);

            let status = if duplicate { AckStatus::Duplicate } else { AckStatus::Ok };
            fast.clear();
            put_ack(&mut fast, &message_id, status, &topic, seq_no);
            let slow = ServerFrame::Ack(Ack { message_id, status, topic, seq_no: seq });
            prop_assert_eq!(std::str::from_utf8(&fast).unwrap(), serde_json::to_string(&slow).unwrap());
        }
    }

    #[test]
    fn a_frame_can_continue_from_a_lower_number() {
        let topic = Topic::new("a\"b").unwrap();
        let (prefix, id) = (MessagePrefix::new(&topic), MessageId::new("m").unwrap());
        let texts = [
            "5",
            "{\"prevSeqNo\":3}",
            "[{\"a\":1,\"prevSeqNo\":8}]",
            "{\"a\":1,\"sig\":\"x\"}",
            r#""text,\"prevSeqNo\":8""#,
            r#""x,\"sig\":\"y""#,
            "null",
        ];
        for (data, sig) in texts.iter().flat_map(|data| [(data, None), (data, Some(&b"c2ln"[..]))])
        {
            let frame = |prev| {
                let mut out = Vec::new();
                prefix.put(&mut out, (prev, 9), &id, data, sig);
                out
            };
            for prev in 0..9 {
                for known in 0..9 {
                    let expected = (known < prev).then(|| frame(known));
                    assert_eq!(prefix.continuing_from(known, &frame(prev)), expected, "{data}");
                }
            }
        }
    }
}
