//! What the server answers to a message that was published into a stream, and the condition that such
//! a message may carry.

use serde::Deserialize;

/// The header with the number that the subject's last message must have: a compare-and-set. 0: there
/// must be none.
pub(super) const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// The subject's last message has another number: the error's codes, for a stream with one replica
/// and with several.
const OTHER_NUMBER: [u64; 2] = [10_071, 10_164];

/// The message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) seq_no: u64,
    /// Its key was stored before, under this number.
    pub(super) is_duplicate: bool,
}

/// Why a message is not known to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotStored {
    /// The subject's last message is not the expected one.
    OtherNumber,
    /// The server refuses it for another reason, or the answer cannot be read.
    Other,
}

/// Reads the payload of an answer.
pub(super) fn read(payload: &[u8]) -> Result<Ack, NotStored> {
    #[derive(Deserialize)]
    struct Answer {
        seq: Option<u64>,
        #[serde(default)]
        duplicate: bool,
        error: Option<Error>,
    }

    #[derive(Deserialize)]
    struct Error {
        err_code: Option<u64>,
    }

    let answer: Answer = serde_json::from_slice(payload).map_err(|_| NotStored::Other)?;
    match answer {
        Answer { seq: Some(seq_no), duplicate, error: None } if seq_no > 0 => {
            Ok(Ack { seq_no, is_duplicate: duplicate })
        }
        Answer { error: Some(Error { err_code: Some(code) }), .. }
            if OTHER_NUMBER.contains(&code) =>
        {
            Err(NotStored::OtherNumber)
        }
        _ => Err(NotStored::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let stored = |seq_no, is_duplicate| Ok(Ack { seq_no, is_duplicate });
        let refused =
            |code: u64| format!(r#"{{"error":{{"code":400,"err_code":{code}}},"seq":1}}"#);
        for (payload, expected) in [
            (r#"{"stream":"a-0","seq":7}"#.to_owned(), stored(7, false)),
            (r#"{"stream":"a-0","seq":7,"duplicate":true}"#.to_owned(), stored(7, true)),
            (r#"{"stream":"a-0","seq":0}"#.to_owned(), Err(NotStored::Other)),
            (r#"{"stream":"a-0"}"#.to_owned(), Err(NotStored::Other)),
            (refused(10_071), Err(NotStored::OtherNumber)),
            (refused(10_164), Err(NotStored::OtherNumber)),
            (refused(10_077), Err(NotStored::Other)),
            (r#"{"error":{}}"#.to_owned(), Err(NotStored::Other)),
            (String::new(), Err(NotStored::Other)),
        ] {
            assert_eq!(read(payload.as_bytes()), expected, "{payload}");
        }
    }
}
