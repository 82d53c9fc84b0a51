//! A message's key as a record carries it: a hash of its user and message id. A hash, so that all
//! keys take the same room in memory and no user's name is in the log.

use protocol::MessageId;
use ring::digest::{Context, SHA256};

/// Half of a SHA-256: two pairs with the same one cannot be found.
pub(super) type Key = [u8; 16];

pub(super) fn key(user: &str, message_id: &MessageId<'_>) -> Key {
    let mut hash = Context::new(&SHA256);
    // The length keeps ("a", "bc") and ("ab", "c") apart.
    hash.update(&(user.len() as u64).to_be_bytes());
    hash.update(user.as_bytes());
    hash.update(message_id.as_str().as_bytes());
    let mut key = Key::default();
    key.copy_from_slice(&hash.finish().as_ref()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn pairs_have_keys_of_their_own() {
        let pairs = [("a", "bc"), ("ab", "c"), ("a", "b"), ("", "ab"), ("a", " b"), ("ü", "b")];
        let keys: HashSet<_> =
            pairs.iter().map(|(user, id)| key(user, &MessageId::new(*id).unwrap())).collect();
        assert_eq!(keys.len(), pairs.len());
    }
}
