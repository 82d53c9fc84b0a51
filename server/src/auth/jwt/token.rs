//! A token in the compact form of RFC 7515, taken apart: `head.claims.signature`, each in
//! base64url. Nothing of it is believed yet.

use super::members::{TEXT, members, value};
use crate::auth::Refused;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

/// Bytes of a token.
const MAX_BYTES: usize = 16 * 1024;

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    Ed25519,
}

impl Algorithm {
    /// By its name in a token or a key set. Ed25519 has two: RFC 9864 gave `EdDSA` one that says
    /// which curve.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            "EdDSA" | "Ed25519" => Self::Ed25519,
            _ => return None,
        })
    }
}

/// What a token consists of.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The key's name, if the issuer gave it one.
    pub(super) key_id: Option<String>,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Token<'a> {
    /// # Errors
    /// It is no token, or one that the gateway cannot check.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refused> {
        if text.is_empty() {
            return Err(Refused::Invalid("it is empty".into()));
        }
        if text.len() > MAX_BYTES {
            return Err(Refused::Invalid("it is longer than 16 KiB".into()));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(not_a_token)?;
        let (head, claims) = signed
            .split_once('.')
            .filter(|(_, claims)| !claims.contains('.'))
            .ok_or_else(not_a_token)?;
        let head = decode(head)?;
        let [algorithm, key_id, extensions] = members("its head", &head, ["alg", "kid", "crit"])?;
        if extensions.is_some() {
            return Err(Refused::Invalid(
                "it demands an extension (crit) that the gateway does not have".into(),
            ));
        }
        let text = |name, raw| value::<String>(format_args!("{name} in its head"), TEXT, raw);
        let algorithm = algorithm.map(|raw| text("alg", raw)).transpose()?;
        let unknown = || {
            Refused::Invalid("it has to be signed by HS256, RS256, ES256 or EdDSA (Ed25519)".into())
        };
        Ok(Self {
            algorithm: algorithm.as_deref().and_then(Algorithm::named).ok_or_else(unknown)?,
            key_id: key_id.map(|raw| text("kid", raw)).transpose()?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            claims,
        })
    }

    /// What it says, as JSON: to be believed only after its signature was found good.
    ///
    /// # Errors
    /// It is not base64url.
    pub(super) fn claims(&self) -> Result<Vec<u8>, Refused> {
        decode(self.claims)
    }
}

fn not_a_token() -> Refused {
    Refused::Invalid("it is not a JSON Web Token".into())
}

fn decode(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| not_a_token())
}

/// A token that says `claims`, signed with `secret` by HS256.
#[must_use]
pub fn sign(claims: &Value, secret: &[u8]) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
