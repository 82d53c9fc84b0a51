//! One key that tokens are checked with, and the one algorithm that it is for. A key never meets a
//! token of another algorithm: that is what keeps a public key from being taken for a secret.
//! Signatures are checked by `ring`.

use super::token::{Algorithm, Token};
use crate::auth::KeyError;
use pkcs1::RsaPublicKey;
use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    },
};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use std::fmt;

/// The shortest secret, RFC 7518 section 3.2.
const SECRET_BYTES: usize = 32;
/// Sizes of RSA keys in bytes: at least what RFC 7518 section 3.3 demands, at most what is checked
/// in a moment.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// What a public key says that it is: RFC 3279 for RSA and elliptic curves, RFC 5480 for the curve,
/// RFC 8410 for Ed25519.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const CURVE_25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The secret that a file with this text holds: without the end of its line.
#[must_use]
pub fn secret_in(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

/// A key and, if the issuer names it, its id.
pub(super) struct Key {
    pub(super) id: Option<String>,
    material: Material,
}

enum Material {
    Secret(hmac::Key),
    Public(PublicKey),
}

/// A public key, in the form that `ring` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point, uncompressed.
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

impl Key {
    /// For HS256.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub(super) fn secret(secret: &str) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }
        Ok(Self {
            id: None,
            material: Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
        })
    }

    /// A public key, for RS256, ES256 or EdDSA by what it is.
    ///
    /// # Errors
    /// [`KeyError::PrivateKey`], [`KeyError::NotAPublicKey`].
    pub(super) fn pem(text: &str) -> Result<Self, KeyError> {
        let pem = pem::parse(text).map_err(|_| KeyError::NotAPublicKey)?;
        let key = match pem.tag() {
            "PUBLIC KEY" => PublicKey::of_spki(pem.contents()),
            "RSA PUBLIC KEY" => PublicKey::of_pkcs1(pem.contents()),
            tag if tag.ends_with("PRIVATE KEY") => return Err(KeyError::PrivateKey),
            _ => None,
        };
        key.map(|key| Self::public(None, key)).ok_or(KeyError::NotAPublicKey)
    }

    pub(super) fn public(id: Option<String>, key: PublicKey) -> Self {
        Self { id, material: Material::Public(key) }
    }

    #[cfg(test)]
    pub(super) fn named(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match &self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Public(key) => key.algorithm(),
        }
    }

    /// Whether it is the same public key, under another id perhaps.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        matches!((&self.material, &other.material), (Material::Public(one), Material::Public(other)) if one == other)
    }

    /// Whether it has signed `token`. Takes some 50 µs, a secret less.
    pub(super) fn has_signed(&self, token: &Token<'_>) -> bool {
        let is_signed = match &self.material {
            Material::Secret(key) => hmac::verify(key, token.signed, &token.signature).is_ok(),
            Material::Public(key) => key.has_signed(token.signed, &token.signature),
        };
        is_signed && token.algorithm == self.algorithm()
    }
}

impl fmt::Debug for Key {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// `None`: too small or too large.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        // Some issuers write the zero that keeps a DER integer from being negative.
        let number =
            |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let (modulus, exponent) = (number(modulus), number(exponent));
        RSA_BYTES.contains(&modulus.len()).then_some(Self::Rsa { modulus, exponent })
    }

    /// From the content of a file headed `PUBLIC KEY`.
    fn of_spki(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::try_from(der).ok()?;
        let bytes = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid {
            RSA => Self::of_pkcs1(bytes),
            ELLIPTIC if info.algorithm.parameters_oid().ok()? == P256 => {
                bytes.try_into().ok().map(Self::P256)
            }
            CURVE_25519 => bytes.try_into().ok().map(Self::Ed25519),
            _ => None,
        }
    }

    fn of_pkcs1(der: &[u8]) -> Option<Self> {
        let key = RsaPublicKey::try_from(der).ok()?;
        Self::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_algorithm_follows_from_the_key() {
        for (pem, algorithm) in [
            (samples::RSA_PUBLIC, Algorithm::Rs256),
            (samples::EC_PUBLIC, Algorithm::Es256),
            (samples::ED_PUBLIC, Algorithm::Ed25519),
        ] {
            assert_eq!(Key::pem(pem).unwrap().algorithm(), algorithm);
        }
    }

    #[test]
    fn an_rsa_key_may_stand_alone() {
        let whole = pem::parse(samples::RSA_PUBLIC).unwrap();
        let alone = SubjectPublicKeyInfoRef::try_from(whole.contents())
            .unwrap()
            .subject_public_key
            .raw_bytes()
            .to_vec();
        let alone = Key::pem(&pem::encode(&pem::Pem::new("RSA PUBLIC KEY", alone))).unwrap();
        assert!(alone.is_same(&Key::pem(samples::RSA_PUBLIC).unwrap()));
    }

    #[test]
    fn a_key_is_the_same_by_what_it_is() {
        let key = |pem| Key::pem(pem).unwrap();
        assert!(key(samples::EC_PUBLIC).is_same(&key(samples::EC_PUBLIC).named("a")));
        assert!(!key(samples::EC_PUBLIC).is_same(&key(samples::ED_PUBLIC)));
    }

    #[test]
    fn other_keys_are_refused() {
        assert!(matches!(Key::pem(samples::RSA_PRIVATE), Err(KeyError::PrivateKey)));
        for bad in [
            "",
            "secret",
            samples::RSA_1024_PUBLIC,
            samples::P384_PUBLIC,
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ] {
            assert!(matches!(Key::pem(bad), Err(KeyError::NotAPublicKey)), "{bad}");
        }
        assert!(matches!(Key::secret(&"x".repeat(31)), Err(KeyError::ShortSecret)));
        assert!(Key::secret(&"x".repeat(32)).is_ok());
    }
}
