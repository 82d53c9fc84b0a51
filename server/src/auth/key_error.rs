//! Why the gateway cannot start with the keys that it was given. Says nothing of what is in them.

use crate::text_file;
use std::{io, path::Path, path::PathBuf};

/// A key, or a file of keys, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file that the configuration names.
    #[error("{key}: {}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// Too easy to find by trying.
    #[error(
        "auth.jwt_secret: HS256 needs a secret of at least 32 bytes; `openssl rand -base64 48` makes one"
    )]
    ShortSecret,
    /// What signs tokens has no place in a gateway.
    #[error(
        "auth.jwt_public_key_file: this is a private key; the gateway needs the public one only"
    )]
    PrivateKey,
    /// Something else, or a weak one.
    #[error(
        "auth.jwt_public_key_file: not a public key in PEM for RS256 (RSA, 2048 to 4096 bits), ES256 (P-256) or EdDSA (Ed25519)"
    )]
    NotAPublicKey,
    /// The client that would fetch the key set.
    #[error("auth.jwks_url: cannot be fetched: {0}")]
    Client(String),
    /// No client could publish.
    #[error("http.api_keys_file: {}: there is no key in it; one stands in a line, `openssl rand -hex 32` makes one", path.display())]
    NoApiKey {
        /// The file.
        path: PathBuf,
    },
    /// Too easy to find by trying, or not to be sent in a header.
    #[error("http.api_keys_file: {}:{line}: a key has at least 16 characters, of ASCII and without white space", path.display())]
    BadApiKey {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// The text of a file that the configuration's `key` names.
pub(super) fn read(key: &'static str, path: &Path) -> Result<String, KeyError> {
    text_file::read(path).map_err(|reason| KeyError::Unreadable {
        key,
        path: path.to_owned(),
        reason,
    })
}
