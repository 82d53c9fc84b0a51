//! From a file to an Ed25519 key: a private one in PKCS#8, with or without its public half, or a
//! public one; PEM or DER.

use crate::text_file;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio_rustls::rustls::pki_types::{
    PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject,
};

/// What an Ed25519 private key in PKCS#8 (RFC 8410) begins with; the 32 bytes of the seed follow.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What an Ed25519 public key (RFC 8410) begins with; its 32 bytes follow.
const SPKI_HEAD: [u8; 12] =
    [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The file holds something else.
    #[error("{}: not an Ed25519 {expected}, in PEM or DER; `micro-socket keys generate FILE` makes one", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// The private key in `path`.
pub(super) fn private(path: &Path) -> Result<Ed25519KeyPair, KeyError> {
    parse_private(&read(path)?).ok_or_else(|| KeyError::NotAKey {
        path: path.to_owned(),
        expected: "private key (PKCS#8)",
    })
}

/// The public key in `path`, or that of the private one there.
pub(super) fn public(path: &Path) -> Result<[u8; 32], KeyError> {
    let content = read(path)?;
    let of_private = || parse_private(&content)?.public_key().as_ref().try_into().ok();
    parse_public(&content)
        .or_else(of_private)
        .ok_or_else(|| KeyError::NotAKey { path: path.to_owned(), expected: "key" })
}

/// A new private key, in PEM.
///
/// # Errors
/// [`KeyError::NoRandomness`]
pub fn generate() -> Result<String, KeyError> {
    let mut der = [0; PKCS8_HEAD.len() + 32];
    let (head, seed) = der.split_at_mut(PKCS8_HEAD.len());
    head.copy_from_slice(&PKCS8_HEAD);
    SystemRandom::new().fill(seed).map_err(|_| KeyError::NoRandomness)?;
    Ok(format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    ))
}

fn parse_private(content: &[u8]) -> Option<Ed25519KeyPair> {
    let pem = PrivatePkcs8KeyDer::from_pem_slice(content);
    let der = pem.as_ref().map_or(content, PrivatePkcs8KeyDer::secret_pkcs8_der);
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()
}

fn parse_public(content: &[u8]) -> Option<[u8; 32]> {
    let pem = SubjectPublicKeyInfoDer::from_pem_slice(content);
    let der = pem.as_ref().map_or(content, AsRef::as_ref);
    der.strip_prefix(&SPKI_HEAD)?.try_into().ok()
}

fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    text_file::read_bytes(path)
        .map_err(|reason| KeyError::Unreadable { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Of RFC 8410, section 10.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn pem_and_der_private_and_public_are_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let der = |pem: &str| STANDARD.decode(pem.lines().nth(1).unwrap()).unwrap();
        let mut keys = Vec::new();
        for content in [PRIVATE.into(), PUBLIC.into(), der(PRIVATE), der(PUBLIC)] {
            fs::write(&path, content).unwrap();
            keys.push(public(&path).unwrap());
        }
        keys.dedup();
        assert_eq!(keys, [<[u8; 32]>::try_from(&der(PUBLIC)[12..]).unwrap()]);
    }

    #[test]
    fn something_else_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        assert!(private(&path).unwrap_err().to_string().contains("key.pem: cannot be read"));
        let rsa_or_ec = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for content in ["", "nothing", PUBLIC, &rsa_or_ec] {
            fs::write(&path, content).unwrap();
            let text = private(&path).unwrap_err().to_string();
            assert!(text.contains("key.pem: not an Ed25519 private key"), "{text}");
        }
    }

    #[test]
    fn each_generated_key_is_another() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, other);
        assert!(
            parse_private(one.as_bytes()).is_some() && parse_private(other.as_bytes()).is_some()
        );
    }
}
