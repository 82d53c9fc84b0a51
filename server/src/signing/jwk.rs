//! Public keys as a JWK set (RFC 7517, RFC 8037), each named by its thumbprint (RFC 7638).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::Serialize;

#[derive(Serialize)]
struct Set {
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    r#use: &'static str,
    alg: &'static str,
}

/// As JSON text.
pub(super) fn set(public_keys: &[[u8; 32]]) -> String {
    let set = Set { keys: public_keys.iter().map(key).collect() };
    serde_json::to_string(&set).unwrap_or_else(|error| unreachable!("strings are JSON: {error}"))
}

fn key(public: &[u8; 32]) -> Key {
    let x = URL_SAFE_NO_PAD.encode(public);
    Key { kty: "OKP", crv: "Ed25519", kid: thumbprint(&x), x, r#use: "sig", alg: "EdDSA" }
}

fn thumbprint(x: &str) -> String {
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, required.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    #[test]
    fn the_key_of_the_rfc() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(thumbprint(x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let public = URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap();
        let json: serde_json::Value = serde_json::from_str(&set(&[public])).unwrap();
        let expected = serde_json::json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint(x), "use": "sig", "alg": "EdDSA" }] });
        assert_eq!(json, expected);
    }
}
