//! A message's key as `Nats-Msg-Id`: base64url of the user's length, the user and the message id.
//! Two pairs never have the same one, and no character gets lost in a header.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{MessageId, UserId};

/// The header that the stream compares within its window.
pub(super) const HEADER: &str = "Nats-Msg-Id";

/// The most characters that a key has.
pub(super) const MAX_LENGTH: usize = (2 + UserId::MAX_BYTES + MessageId::MAX_BYTES).div_ceil(3) * 4;

pub(super) fn encode(user: &str, message_id: &MessageId<'_>) -> String {
    // A user id has 256 bytes at most.
    let length = u16::try_from(user.len()).unwrap_or(u16::MAX).to_be_bytes();
    URL_SAFE_NO_PAD.encode([&length, user.as_bytes(), message_id.as_str().as_bytes()].concat())
}

/// The message id in a key. `None`: it is no key.
pub(super) fn message_id(key: &str) -> Option<MessageId<'static>> {
    let bytes = URL_SAFE_NO_PAD.decode(key).ok()?;
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let id = rest.get(usize::from(u16::from_be_bytes(*length))..)?;
    MessageId::new(String::from_utf8(id.to_vec()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_keys_of_their_own_from_which_the_id_is_read() {
        let id = |text: &'static str| MessageId::new(text).unwrap();
        let pairs = [("a", "b:c"), ("a:b", "c"), ("", "ab"), ("a", "b"), ("a", " b "), ("ü", "😀")];
        let keys: std::collections::HashSet<_> =
            pairs.iter().map(|(user, text)| encode(user, &id(text))).collect();
        assert_eq!(keys.len(), pairs.len());
        for (user, text) in pairs {
            assert_eq!(message_id(&encode(user, &id(text))), Some(id(text)));
        }
        let longest = MessageId::new("i".repeat(MessageId::MAX_BYTES)).unwrap();
        assert!(encode(&"u".repeat(UserId::MAX_BYTES), &longest).len() <= MAX_LENGTH);
        for other in ["", "!", "AA", "_____w"] {
            assert_eq!(message_id(other), None, "{other}");
        }
    }
}
