//! A set of public keys as an issuer publishes it (JWK set, RFC 7517).

use super::{
    key::{Key, PublicKey},
    token::Algorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::sync::Arc;

/// Keys of a set; more are ignored.
const MAX_KEYS: usize = 100;

/// The keys of a set that tokens can be checked with, in its order. One that is not understood is
/// passed over, as RFC 7517 says.
///
/// # Errors
/// It is not a key set.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Arc<Key>>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<serde_json::Value>,
    }
    let document: Document = serde_json::from_slice(body)?;
    let keys =
        document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.key());
    Ok(keys.take(MAX_KEYS).map(Arc::new).collect())
}

/// The members of a key that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    /// `None` if it is not for checking signatures of RS256, ES256 or EdDSA, or is too weak.
    fn key(self) -> Option<Key> {
        let checks_signatures = self.purpose.as_ref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
        let key = self.public_key().filter(|_| checks_signatures)?;
        let fits = self.alg.is_none_or(|name| Algorithm::named(&name) == Some(key.algorithm()));
        fits.then(|| Key::public(self.kid, key))
    }

    fn public_key(&self) -> Option<PublicKey> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => PublicKey::rsa(&bytes(&self.n)?, &bytes(&self.e)?),
            ("EC", Some("P-256")) => {
                let (x, y): ([u8; 32], [u8; 32]) =
                    (bytes(&self.x)?.try_into().ok()?, bytes(&self.y)?.try_into().ok()?);
                [&[UNCOMPRESSED][..], &x, &y].concat().try_into().ok().map(PublicKey::P256)
            }
            ("OKP", Some("Ed25519")) => bytes(&self.x)?.try_into().ok().map(PublicKey::Ed25519),
            _ => None,
        }
    }
}

/// What a point of an elliptic curve begins with that is written with both its coordinates (SEC 1,
/// section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"1y_KaSSUyT9AZKcSQ_2xnFDbZU6ZrjpOQqlfT6gNOfc","kid":"a"}"#;

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let set = format!(
            r#"{{"keys":[{{"kty":"new"}},1,null,{{"kty":"RSA","n":"AQAB","e":"AQAB"}},{ED}]}}"#
        );
        let keys = parse(set.as_bytes()).unwrap();
        assert_eq!(keys.iter().map(|key| key.id.as_deref()).collect::<Vec<_>>(), [Some("a")]);
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = format!(r#"{{"keys":[{}]}}"#, [ED; MAX_KEYS + 1].join(","));
        assert_eq!(parse(many.as_bytes()).unwrap().len(), MAX_KEYS);
    }

    #[test]
    fn only_what_checks_signatures() {
        let count = |more: &str| {
            parse(ED.replace('}', more).replacen('{', r#"{"keys":[{"#, 1).as_bytes()).unwrap().len()
        };
        for good in
            ["", r#","use":"sig","alg":"EdDSA","key_ops":["verify"]"#, r#","alg":"Ed25519""#]
        {
            assert_eq!(count(&format!("{good}}}]}}")), 1, "{good}");
        }
        for bad in [
            r#","use":"enc""#,
            r#","alg":"RS256""#,
            r#","alg":"Ed448""#,
            r#","key_ops":["encrypt"]"#,
        ] {
            assert_eq!(count(&format!("{bad}}}]}}")), 0, "{bad}");
        }
    }

    #[test]
    fn a_secret_has_no_place_in_a_public_set() {
        let set = br#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}"#;
        assert_eq!(parse(set).unwrap().len(), 0);
    }

    #[test]
    fn a_leading_zero_of_a_modulus_does_no_harm() {
        let key = |modulus: &[u8]| {
            let n = URL_SAFE_NO_PAD.encode(modulus);
            parse(format!(r#"{{"keys":[{{"kty":"RSA","n":"{n}","e":"AQAB"}}]}}"#).as_bytes())
                .unwrap()
                .remove(0)
        };
        assert!(key(&[0xC1; 256]).is_same(&key(&[&[0][..], &[0xC1; 256]].concat())));
    }
}
