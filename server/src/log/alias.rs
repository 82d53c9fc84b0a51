//! How a secret is named in the log.

use ring::digest::{SHA256, digest};
use std::fmt::Write;

/// A short name for a secret, the same each time and useless to readers of the log.
pub(crate) fn alias(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().take(4).fold(
        String::new(),
        |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_stable_and_short() {
        assert_eq!(alias("abc"), "ba7816bf");
        assert_ne!(alias("abc"), alias("abd"));
    }
}
