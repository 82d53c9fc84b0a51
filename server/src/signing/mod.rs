//! Ed25519 signatures: one key signs, others are still listed. Relies on `ring`;
//! [`protocol::signature`] defines the bytes that are signed.
//!
//! | module | idea |
//! |---|---|
//! | `key` | from a file to a key, and a new key |
//! | `jwk` | public keys as a JWK set |

mod jwk;
mod key;

pub use key::{KeyError, generate};

use crate::config;
use arc_swap::ArcSwap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hub::{Sign, instruments::SIGNATURE_LEN};
use protocol::{Epoch, MessageId, Topic, signature::put_signed};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::{cell::RefCell, fmt, sync::Arc};

thread_local! {
    static SIGNED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Signs messages, by a key that may be exchanged meanwhile.
pub struct Signer(ArcSwap<Ed25519KeyPair>);

impl Sign for Signer {
    fn sign(
        &self,
        topic: &Topic<'_>,
        epoch: &Epoch<'_>,
        seq_no: u64,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> [u8; SIGNATURE_LEN] {
        let signature = SIGNED.with_borrow_mut(|signed| {
            signed.clear();
            put_signed(signed, topic, epoch, seq_no, message_id, data);
            self.0.load().sign(signed)
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

/// What the files of the configuration hold at one moment.
pub struct Keys {
    /// The one that signs, if signing is on.
    pair: Option<Ed25519KeyPair>,
    /// All public keys as a JWK set, the one that signs first.
    set: String,
}

impl Keys {
    /// Reads the files.
    ///
    /// # Errors
    /// [`KeyError`] names the file and the reason.
    pub fn read(config: &config::Signing) -> Result<Self, KeyError> {
        let pair = config.key_file.as_deref().map(key::private).transpose()?;
        let mut public: Vec<[u8; 32]> = Vec::new();
        if let Some(pair) = &pair {
            public.extend(<[u8; 32]>::try_from(pair.public_key().as_ref()));
        }
        for file in &config.previous_key_files {
            let key = key::public(file)?;
            if !public.contains(&key) {
                public.push(key);
            }
        }
        Ok(Self { pair, set: jwk::set(&public) })
    }
}

impl fmt::Debug for Keys {
    /// Without the key that signs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.set).finish()
    }
}

/// The keys that are in force.
#[derive(Debug)]
pub struct Keyring {
    signer: Option<Arc<Signer>>,
    set: ArcSwap<String>,
}

impl Keyring {
    /// With these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        let signer = keys.pair.map(|pair| Arc::new(Signer(ArcSwap::from_pointee(pair))));
        Self { signer, set: ArcSwap::from_pointee(keys.set) }
    }

    /// With these keys from now on. Whether messages are signed at all does not change.
    pub fn exchange(&self, keys: Keys) {
        // First the set: no message is signed by a key that is not listed yet.
        self.set.store(Arc::new(keys.set));
        if let (Some(signer), Some(pair)) = (&self.signer, keys.pair) {
            signer.0.store(Arc::new(pair));
        }
    }

    /// Signs by the present key, if signing is on.
    #[must_use]
    pub fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.clone()
    }

    /// All public keys as a JWK set, the one that signs first.
    #[must_use]
    pub fn set(&self) -> Arc<String> {
        self.set.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, UnparsedPublicKey};
    use serde_json::Value;
    use std::fs;

    #[test]
    fn a_signature_verifies_by_the_listed_key_and_the_previous_one_follows() {
        let folder = tempfile::tempdir().unwrap();
        let (now, before) = (folder.path().join("now.pem"), folder.path().join("before.pem"));
        fs::write(&now, generate().unwrap()).unwrap();
        fs::write(&before, generate().unwrap()).unwrap();
        let config =
            config::Signing { key_file: Some(now.clone()), previous_key_files: vec![before, now] };
        let keyring = Keyring::new(Keys::read(&config).unwrap());
        assert_eq!(listed(&keyring).len(), 2);
        assert!(
            signs_by(&keyring, &listed(&keyring)[0]) && !signs_by(&keyring, &listed(&keyring)[1])
        );
    }

    #[test]
    fn after_an_exchange_the_new_key_signs_and_the_set_is_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        let config =
            config::Signing { key_file: Some(file.clone()), previous_key_files: Vec::new() };
        fs::write(&file, generate().unwrap()).unwrap();
        let keyring = Keyring::new(Keys::read(&config).unwrap());
        let before = listed(&keyring);
        fs::write(&file, generate().unwrap()).unwrap();
        keyring.exchange(Keys::read(&config).unwrap());
        assert_ne!(listed(&keyring), before);
        assert!(signs_by(&keyring, &listed(&keyring)[0]) && !signs_by(&keyring, &before[0]));
    }

    #[test]
    fn without_a_key_nothing_is_signed_and_the_set_is_empty() {
        let keyring = Keyring::new(Keys::read(&config::Signing::default()).unwrap());
        assert!(keyring.signer().is_none());
        assert_eq!(*keyring.set(), r#"{"keys":[]}"#);
    }

    fn listed(keyring: &Keyring) -> Vec<Value> {
        serde_json::from_str::<Value>(&keyring.set()).unwrap()["keys"].as_array().unwrap().clone()
    }

    /// Whether the signature of one message, and of no other, verifies by this key.
    fn signs_by(keyring: &Keyring, key: &Value) -> bool {
        let decode = |text: &[u8]| URL_SAFE_NO_PAD.decode(text).unwrap();
        let (topic, epoch, id) =
            (Topic::new("t").unwrap(), Epoch::new("e").unwrap(), MessageId::new("m").unwrap());
        let signature = decode(&keyring.signer().unwrap().sign(&topic, &epoch, 3, &id, "[1]"));
        let key = UnparsedPublicKey::new(&ED25519, decode(key["x"].as_str().unwrap().as_bytes()));
        assert!(key.verify(b"t\ne\n4\nm\n[1]", &signature).is_err());
        key.verify(b"t\ne\n3\nm\n[1]", &signature).is_ok()
    }
}
