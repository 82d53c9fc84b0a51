//! One key that tokens are checked with, and the one algorithm that it is for. A key never meets a token of another algorithm:
//! that is what keeps a public key from being taken for a secret.

use crate::auth::KeyError;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};

/// The shortest secret, RFC 7518 section 3.2.
const SECRET_BYTES: usize = 32;
/// Sizes of RSA keys in bytes: RFC 7518 section 3.3, and what the library takes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// A key with its algorithm and, where the issuer names it, its id.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
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
        Ok(Self { id: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret.as_bytes()) })
    }

    /// A public key, for RS256, ES256 or EdDSA by what it is.
    ///
    /// # Errors
    /// [`KeyError::PrivateKey`], [`KeyError::NotAPublicKey`].
    pub(super) fn pem(text: &str) -> Result<Self, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::PrivateKey);
        }
        if !text.contains("PUBLIC KEY-----") {
            return Err(KeyError::NotAPublicKey);
        }
        let pem = text.as_bytes();
        let key = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| KeyError::NotAPublicKey)?;
        let parameters = Jwk::from_decoding_key(&key, None).map_err(|_| KeyError::NotAPublicKey)?.algorithm;
        let algorithm = algorithm(&parameters).ok_or(KeyError::NotAPublicKey)?;
        Ok(Self { id: None, algorithm, key })
    }

    /// A public key of a set; `None` where it is not for signatures of RS256, ES256 or EdDSA, or too weak.
    pub(super) fn jwk(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let for_signatures = common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let algorithm = algorithm(&jwk.algorithm).filter(|_| for_signatures)?;
        let fits = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        let key = DecodingKey::from_jwk(jwk).ok().filter(|key| fits && key.family() != AlgorithmFamily::Hmac)?;
        Some(Self { id: common.key_id.clone(), algorithm, key })
    }
}

/// What a public key is for.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => RSA_BYTES.contains(&bytes(&rsa.n)).then_some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) => {
            (ec.curve == EllipticCurve::P256 && bytes(&ec.x) == 32 && bytes(&ec.y) == 32).then_some(Algorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) => {
            (pair.curve == EllipticCurve::Ed25519 && bytes(&pair.x) == 32).then_some(Algorithm::EdDSA)
        }
        _ => None,
    }
}

/// Bytes that so much base64url without padding stands for.
fn bytes(base64: &str) -> usize {
    base64.len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_algorithm_follows_from_the_key() {
        for (pem, algorithm) in
            [(samples::RSA_PUBLIC, Algorithm::RS256), (samples::EC_PUBLIC, Algorithm::ES256), (samples::ED_PUBLIC, Algorithm::EdDSA)]
        {
            assert_eq!(Key::pem(pem).unwrap().algorithm, algorithm);
        }
    }

    #[test]
    fn other_keys_are_refused() {
        assert!(matches!(Key::pem(samples::RSA_PRIVATE), Err(KeyError::PrivateKey)));
        for bad in
            ["", "secret", samples::RSA_1024_PUBLIC, samples::P384_PUBLIC, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
        {
            assert!(matches!(Key::pem(bad), Err(KeyError::NotAPublicKey)), "{bad}");
        }
        assert!(matches!(Key::secret(&"x".repeat(31)), Err(KeyError::ShortSecret)));
        assert!(Key::secret(&"x".repeat(32)).is_ok());
    }

    #[test]
    fn of_a_set_only_what_signs() {
        let jwk = |extra: &str| {
            let x = "1y_KaSSUyT9AZKcSQ_2xnFDbZU6ZrjpOQqlfT6gNOfc";
            let text = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{extra}}}"#);
            Key::jwk(&serde_json::from_str::<Jwk>(&text).unwrap())
        };
        assert_eq!(jwk(r#","kid":"a","use":"sig","alg":"EdDSA","key_ops":["verify"]"#).unwrap().id.as_deref(), Some("a"));
        for refused in [r#","use":"enc""#, r#","alg":"RS256""#, r#","key_ops":["encrypt"]"#] {
            assert!(jwk(refused).is_none(), "{refused}");
        }
        let secret: Jwk = serde_json::from_str(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#).unwrap();
        assert!(Key::jwk(&secret).is_none(), "a secret has no place in a set that anybody may fetch");
    }
}
