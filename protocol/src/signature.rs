//! The bytes that a message's signature covers. Shared by the gateway, which signs, and the page,
//! which verifies.

use crate::{Epoch, MessageId, Topic};

/// Where the gateway lists its public keys, the current one first, as a JWK set.
pub const KEYS_PATH: &str = "/.well-known/micro-socket-keys";

/// Appends the bytes that are signed: topic, epoch, number, message id and data as sent, with a
/// line feed between them. Only `data` can contain one, and it is last, so that no two messages
/// have the same bytes.
pub fn put_signed(
    out: &mut Vec<u8>,
    topic: &Topic<'_>,
    epoch: &Epoch<'_>,
    seq_no: u64,
    message_id: &MessageId<'_>,
    data: &str,
) {
    for part in [topic.as_str(), epoch.as_str(), &seq_no.to_string(), message_id.as_str()] {
        out.extend_from_slice(part.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(data.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn five_lines_in_order() {
        let mut out = Vec::new();
        let (topic, epoch, id) = (
            Topic::new("prices").unwrap(),
            Epoch::new("e1").unwrap(),
            MessageId::new("m").unwrap(),
        );
        put_signed(&mut out, &topic, &epoch, 7, &id, "{\n}");
        assert_eq!(out, b"prices\ne1\n7\nm\n{\n}");
    }
}
