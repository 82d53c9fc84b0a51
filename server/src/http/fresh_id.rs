//! Ids of messages whose publisher gives none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::MessageId;

/// 128 random bits: no two messages share one.
pub(super) fn fresh_id() -> MessageId<'static> {
    let name = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    MessageId::new(name)
        .unwrap_or_else(|why| unreachable!("base64url has no control characters: {why}"))
}
