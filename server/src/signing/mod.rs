//! Ed25519 signatures (I7): one key signs, others are still listed. Relies on `ring`; what is signed is
//! [`protocol::signature`]'s.
//!
//! | module | idea |
//! |---|---|
//! | `key` | from a file to a key, and a new key |
//! | `jwk` | public keys as a JWK set |

mod jwk;
mod key;

pub use key::{KeyError, generate};

use crate::config;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{Epoch, MessageId, Topic, signature::put_signed};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::{cell::RefCell, fmt, sync::Arc};

/// The length of a signature, in base64url characters.
pub const SIGNATURE_LEN: usize = 86;

thread_local! {
    static SIGNED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Signs messages.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The signature of one message, as it is sent.
    #[must_use]
    pub fn sign(&self, topic: &Topic<'_>, epoch: &Epoch<'_>, seq_no: u64, message_id: &MessageId<'_>, data: &str) -> [u8; SIGNATURE_LEN] {
        let signature = SIGNED.with_borrow_mut(|signed| {
            signed.clear();
            put_signed(signed, topic, epoch, seq_no, message_id, data);
            self.0.sign(signed)
        });
        let mut text = [0; SIGNATURE_LEN];
        let written = URL_SAFE_NO_PAD.encode_slice(signature.as_ref(), &mut text);
        debug_assert_eq!(written, Ok(SIGNATURE_LEN));
        text
    }
}

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// The keys that the configuration names.
#[derive(Debug)]
pub struct Keyring {
    /// The key that signs, where signing is on.
    pub signer: Option<Arc<Signer>>,
    /// All public keys as a JWK set, the one that signs first.
    pub key_set: String,
}

impl Keyring {
    /// Reads the files.
    ///
    /// # Errors
    /// [`KeyError`] names the file and the reason.
    pub fn load(config: &config::Signing) -> Result<Self, KeyError> {
        let signer = config.key_file.as_deref().map(key::private).transpose()?;
        let mut public: Vec<[u8; 32]> = Vec::new();
        if let Some(signer) = &signer {
            public.extend(<[u8; 32]>::try_from(signer.public_key().as_ref()));
        }
        for file in &config.previous_key_files {
            let key = key::public(file)?;
            if !public.contains(&key) {
                public.push(key);
            }
        }
        Ok(Self { signer: signer.map(|pair| Arc::new(Signer(pair))), key_set: jwk::set(&public) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, UnparsedPublicKey};
    use std::fs;

    #[test]
    fn a_signature_verifies_by_the_listed_key_and_the_previous_one_follows() {
        let folder = tempfile::tempdir().unwrap();
        let (now, before) = (folder.path().join("now.pem"), folder.path().join("before.pem"));
        fs::write(&now, generate().unwrap()).unwrap();
        fs::write(&before, generate().unwrap()).unwrap();
        let config = config::Signing { key_file: Some(now.clone()), previous_key_files: vec![before, now] };
        let keyring = Keyring::load(&config).unwrap();
        let set: serde_json::Value = serde_json::from_str(&keyring.key_set).unwrap();
        assert_eq!(set["keys"].as_array().unwrap().len(), 2);
        let x = URL_SAFE_NO_PAD.decode(set["keys"][0]["x"].as_str().unwrap()).unwrap();

        let (topic, epoch, id) = (Topic::new("t").unwrap(), Epoch::new("e").unwrap(), MessageId::new("m").unwrap());
        let text = keyring.signer.unwrap().sign(&topic, &epoch, 3, &id, "[1]");
        let signature = URL_SAFE_NO_PAD.decode(text).unwrap();
        UnparsedPublicKey::new(&ED25519, &x).verify(b"t\ne\n3\nm\n[1]", &signature).unwrap();
        UnparsedPublicKey::new(&ED25519, &x).verify(b"t\ne\n4\nm\n[1]", &signature).unwrap_err();
    }

    #[test]
    fn without_a_key_nothing_is_signed_and_the_set_is_empty() {
        let keyring = Keyring::load(&config::Signing::default()).unwrap();
        assert!(keyring.signer.is_none());
        assert_eq!(keyring.key_set, r#"{"keys":[]}"#);
    }
}
