//! Tokens, good and forged, by every algorithm.

use super::{Check, Jwt, Verdict, key::Key, samples::*, token::Token};
use crate::config::{AuthMode, Config, Secret};
use crate::{
    access::Rule,
    auth::{Authenticator, Identity, Refused, admission::Admission},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use protocol::Topic;
use serde_json::{Value, json};
use std::{
    fs,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// Checks with a secret and, where it is given, a public key.
fn jwt(public_key: Option<&str>, change: impl FnOnce(&mut Config)) -> Jwt {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.auth.mode = AuthMode::Jwt;
    config.auth.jwt_secret = Some(Secret::new(SECRET));
    config.auth.jwt_public_key_file = public_key.map(|pem| {
        let path = folder.path().join("key.pem");
        fs::write(&path, pem).unwrap();
        path
    });
    change(&mut config);
    Jwt::new(&config, Arc::default()).unwrap()
}

fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
        + seconds
}

fn claims() -> Value {
    json!({ "sub": "ann", "exp": in_seconds(60) })
}

fn sign(algorithm: Algorithm, claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            EncodingKey::from_secret(SECRET.as_bytes())
        }
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC_PRIVATE.as_bytes()).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).unwrap(),
        _ => EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap(),
    };
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// With claims over the usual ones; null takes one away.
fn with(changes: Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    sign(Algorithm::HS256, &claims)
}

/// A token as an attacker without a key writes it.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

async fn check(jwt: &Jwt, token: &str) -> Result<Identity, Refused> {
    jwt.authenticate(token, None).await
}

async fn refusal(jwt: &Jwt, token: &str) -> String {
    match check(jwt, token).await {
        Err(Refused::Invalid(why)) => why.into_owned(),
        other => panic!("{other:?}"),
    }
}

const OTHER_ALGORITHM: &str = "it has to be signed by HS256, RS256, ES256 or EdDSA (Ed25519)";

#[tokio::test]
async fn each_algorithm_with_its_key() {
    for (algorithm, key) in [
        (Algorithm::HS256, None),
        (Algorithm::RS256, Some(RSA_PUBLIC)),
        (Algorithm::ES256, Some(EC_PUBLIC)),
        (Algorithm::EdDSA, Some(ED_PUBLIC)),
    ] {
        let identity = check(&jwt(key, |_| {}), &sign(algorithm, &claims())).await.unwrap();
        assert_eq!(identity.user.as_str(), "ann", "{algorithm:?}");
    }
}

/// RFC 9864 gave it a name that says which curve.
#[tokio::test]
async fn ed25519_has_two_names() {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "Ed25519" })), part(&claims()));
    let key = EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).unwrap();
    let token = format!(
        "{signed}.{}",
        jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::EdDSA).unwrap()
    );
    assert_eq!(check(&jwt(Some(ED_PUBLIC), |_| {}), &token).await.unwrap().user.as_str(), "ann");
    assert_eq!(refusal(&jwt(Some(EC_PUBLIC), |_| {}), &token).await, super::UNKNOWN_KEY);
}

#[tokio::test]
async fn what_the_gateway_signs_itself_is_a_token() {
    let token = super::sign(&claims(), SECRET.as_bytes());
    assert!(check(&jwt(None, |_| {}), &token).await.is_ok());
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let decoded =
        jsonwebtoken::decode::<Value>(&token, &key, &jsonwebtoken::Validation::default()).unwrap();
    assert_eq!(decoded.claims, claims());
}

/// Some editors write a byte order mark, and lines end in two ways.
#[tokio::test]
async fn a_secret_is_read_from_any_editors_file() {
    for text in [SECRET.to_owned(), format!("{SECRET}\n"), format!("\u{FEFF}{SECRET}\r\n")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, &text).unwrap();
        let jwt = jwt(None, |config| {
            (config.auth.jwt_secret, config.auth.jwt_secret_file) = (None, Some(path))
        });
        assert!(check(&jwt, &with(json!({}))).await.is_ok(), "{text:?}");
    }
}

#[tokio::test]
async fn no_key_is_tried_twice_and_others_run_between_two() {
    let token = sign(Algorithm::ES256, &claims());
    let admission = Admission::new(100);
    let key = |pem: &str, id: &str| Arc::new(Key::pem(pem).unwrap().named(id));
    let keys = [key(ED_PUBLIC, "a"), key(ED_PUBLIC, "b"), key(RSA_PUBLIC, "c")];
    let mut check = Check {
        admission: &admission,
        token: Token::parse(&token).unwrap(),
        from: None,
        tried: Vec::new(),
    };
    assert!(check.by(keys.iter()).now_or_never().is_none(), "it yields");
    for _ in 0..2 {
        assert!(matches!(check.by(keys.iter()).await, Verdict::NotSigned));
        assert_eq!(check.tried.len(), 2);
    }
    let right = [key(EC_PUBLIC, "d")];
    assert!(matches!(check.by(keys.iter().chain(&right)).await, Verdict::Signed));
}

#[tokio::test]
async fn no_other_algorithm_even_where_the_key_would_do() {
    let jwt = jwt(Some(RSA_PUBLIC), |_| {});
    for algorithm in
        [Algorithm::HS384, Algorithm::HS512, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256]
    {
        assert_eq!(refusal(&jwt, &sign(algorithm, &claims())).await, OTHER_ALGORITHM);
    }
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        assert_eq!(refusal(&jwt, &sign(algorithm, &claims())).await, super::UNKNOWN_KEY);
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    for pem in [RSA_PUBLIC, EC_PUBLIC, ED_PUBLIC] {
        let jwt = jwt(Some(pem), |config| config.auth.jwt_secret = None);
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
        for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), &der] {
            let token = encode(
                &Header::new(Algorithm::HS256),
                &claims(),
                &EncodingKey::from_secret(secret),
            )
            .unwrap();
            assert_eq!(refusal(&jwt, &token).await, super::UNKNOWN_KEY);
        }
    }
}

#[tokio::test]
async fn none_is_no_signature() {
    let jwt = jwt(Some(RSA_PUBLIC), |_| {});
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256 "] {
        for signature in [&b""[..], b"x"] {
            let token = forged(&json!({ "alg": alg, "typ": "JWT" }), &claims(), signature);
            assert_eq!(refusal(&jwt, &token).await, OTHER_ALGORITHM, "{alg}");
        }
    }
    for (header, why) in [
        (json!({}), OTHER_ALGORITHM),
        (json!({ "alg": null }), OTHER_ALGORITHM),
        (json!({ "alg": ["HS256"] }), "alg in its head is a list, not a text"),
        (json!({ "alg": "HS256", "kid": 7 }), "kid in its head is a number, not a text"),
        (json!([]), "its head is not a JSON object"),
        (json!("HS256"), "its head is not a JSON object"),
    ] {
        assert_eq!(refusal(&jwt, &forged(&header, &claims(), b"")).await, why, "{header}");
    }
    for alg in ["HS256", "RS256"] {
        for signature in [&b""[..], &[0; 32], &[0; 256]] {
            assert_eq!(
                refusal(&jwt, &forged(&json!({ "alg": alg }), &claims(), signature)).await,
                super::BAD_SIGNATURE,
                "{alg}"
            );
        }
    }
}

#[tokio::test]
async fn signatures_that_are_all_zero_or_of_another_key_are_wrong() {
    let es = jwt(Some(EC_PUBLIC), |_| {});
    assert_eq!(
        refusal(&es, &forged(&json!({ "alg": "ES256" }), &claims(), &[0; 64])).await,
        super::BAD_SIGNATURE
    );
    let ed = jwt(Some(ED_PUBLIC), |_| {});
    assert_eq!(
        refusal(&ed, &forged(&json!({ "alg": "EdDSA" }), &claims(), &[0; 64])).await,
        super::BAD_SIGNATURE
    );
    let rs = jwt(Some(RSA_PUBLIC), |_| {});
    let key = EncodingKey::from_rsa_pem(OTHER_RSA_PRIVATE.as_bytes()).unwrap();
    let token = encode(&Header::new(Algorithm::RS256), &claims(), &key).unwrap();
    assert_eq!(refusal(&rs, &token).await, super::BAD_SIGNATURE);
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_counts_for_nothing() {
    let jwt = jwt(Some(RSA_PUBLIC), |_| {});
    let mut header = Header::new(Algorithm::EdDSA);
    let x = "1y_KaSSUyT9AZKcSQ_2xnFDbZU6ZrjpOQqlfT6gNOfc";
    header.jwk =
        Some(serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "x": x })).unwrap());
    header.jku = Some("http://127.0.0.1:1/keys".to_owned());
    let token =
        encode(&header, &claims(), &EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).unwrap())
            .unwrap();
    assert_eq!(refusal(&jwt, &token).await, super::UNKNOWN_KEY);
}

#[tokio::test]
async fn every_changed_character_is_noticed() {
    let jwt = jwt(None, |_| {});
    let token = with(json!({}));
    assert!(check(&jwt, &token).await.is_ok());
    for index in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(
            matches!(check(&jwt, &forged).await, Err(Refused::Invalid(_))),
            "{index}: {forged}"
        );
    }
}

#[tokio::test]
async fn what_is_no_token() {
    let jwt = jwt(None, |_| {});
    for bad in [
        "",
        "ann",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.e30",
        "ä.ö.ü",
        &format!("{}.", with(json!({}))),
        &"x".repeat(16 * 1024 + 1),
    ] {
        assert!(matches!(check(&jwt, bad).await, Err(Refused::Invalid(_))), "{bad}");
    }
    let large = with(json!({ "more": "x".repeat(12 * 1024) }));
    assert_eq!(refusal(&jwt, &large).await, "it is longer than 16 KiB");
}

#[tokio::test]
async fn an_extension_that_is_demanded_and_not_there() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let token = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert!(refusal(&jwt(None, |_| {}), &token).await.contains("crit"));
}

#[tokio::test]
async fn the_subject_is_the_user() {
    let jwt = jwt(None, |_| {});
    assert_eq!(
        check(&jwt, &with(json!({ "sub": "ann@example.com" }))).await.unwrap().user.as_str(),
        "ann@example.com"
    );
    for (sub, why) in [
        (Value::Null, "it has no claim sub"),
        (json!(""), "its claim sub must not be empty"),
        (json!("a\u{0}b"), "its claim sub must not contain control characters, found U+0000"),
        (json!("x".repeat(257)), "its claim sub must be at most 256 bytes of UTF-8, found 257"),
        (json!(42), "its claim sub is a number, not a text"),
    ] {
        let found = refusal(&jwt, &with(json!({ "sub": sub }))).await;
        assert!(found.starts_with(why), "{found}");
    }
}

#[tokio::test]
async fn it_ends_after_the_leeway() {
    let jwt = jwt(None, |config| config.auth.leeway = Duration::from_secs(30));
    let left = |identity: Identity| identity.expires.unwrap().instant - Instant::now();
    let identity = check(&jwt, &with(json!({ "exp": in_seconds(60) }))).await.unwrap();
    let left_of_it = left(identity);
    assert!(
        left_of_it > Duration::from_secs(87) && left_of_it <= Duration::from_secs(90),
        "{left_of_it:?}"
    );
    assert!(
        left(check(&jwt, &with(json!({ "exp": in_seconds(-20) }))).await.unwrap())
            <= Duration::from_secs(10)
    );
    for exp in [json!(in_seconds(-31)), json!(0), json!(1.5)] {
        assert_eq!(
            check(&jwt, &with(json!({ "exp": exp }))).await.unwrap_err(),
            Refused::Expired,
            "{exp}"
        );
    }
    for exp in [json!(in_seconds(60) as f64 + 0.5), json!(1e18), json!(u64::MAX)] {
        assert!(check(&jwt, &with(json!({ "exp": exp }))).await.is_ok(), "{exp}");
    }
    for (exp, why) in [
        (Value::Null, "it has no claim exp"),
        (json!("soon"), "its claim exp is a text, not a number"),
        (json!(-1), "its claim exp is negative"),
        (json!([1]), "its claim exp is a list, not a number"),
        (json!(true), "its claim exp is true or false, not a number"),
    ] {
        assert_eq!(refusal(&jwt, &with(json!({ "exp": exp }))).await, why, "{exp}");
    }
}

#[tokio::test]
async fn an_expired_token_with_a_wrong_signature_is_wrong() {
    let token = with(json!({ "exp": in_seconds(-3600) }));
    let (head, _) = token.rsplit_once('.').unwrap();
    assert_eq!(refusal(&jwt(None, |_| {}), &format!("{head}.AAAA")).await, super::BAD_SIGNATURE);
}

#[tokio::test]
async fn not_before_its_time() {
    let jwt = jwt(None, |config| config.auth.leeway = Duration::from_secs(30));
    assert!(check(&jwt, &with(json!({ "nbf": in_seconds(20) }))).await.is_ok());
    assert_eq!(
        refusal(&jwt, &with(json!({ "nbf": in_seconds(40) }))).await,
        "it is not valid yet (nbf)"
    );
    assert_eq!(
        refusal(&jwt, &with(json!({ "nbf": "soon" }))).await,
        "its claim nbf is a text, not a number"
    );
}

#[tokio::test]
async fn issuer_and_audience_are_checked_where_they_are_given() {
    let any = jwt(None, |_| {});
    assert!(check(&any, &with(json!({ "iss": "x", "aud": ["y", "z"] }))).await.is_ok());
    let jwt = jwt(None, |config| {
        config.auth.issuer = Some("https://issuer.example".to_owned());
        config.auth.audience = Some("gateway".to_owned());
    });
    for aud in [json!("gateway"), json!(["other", "gateway"])] {
        assert!(
            check(&jwt, &with(json!({ "iss": "https://issuer.example", "aud": aud })))
                .await
                .is_ok(),
            "{aud}"
        );
    }
    for (iss, aud, why) in [
        (json!("https://other.example"), json!("gateway"), "it is from another issuer (iss)"),
        (Value::Null, json!("gateway"), "it has no claim iss"),
        (json!(7), json!("gateway"), "its claim iss is a number, not a text"),
        (json!("https://issuer.example"), json!("other"), "it is for another audience (aud)"),
        (json!("https://issuer.example"), json!([]), "it is for another audience (aud)"),
        (
            json!("https://issuer.example"),
            json!({ "gateway": 1 }),
            "its claim aud is an object, not a text or a list",
        ),
        (
            json!("https://issuer.example"),
            json!(["gateway", 7]),
            "entry 1 of its claim aud is a number, not a text",
        ),
        (json!("https://issuer.example"), Value::Null, "it has no claim aud"),
    ] {
        assert_eq!(refusal(&jwt, &with(json!({ "iss": iss, "aud": aud }))).await, why);
    }
}

#[tokio::test]
async fn rules_come_from_the_claim_or_else_from_the_configuration() {
    let jwt = jwt(None, |config| {
        config.access.default_subscribe = vec![Rule::parse("news.>").unwrap()];
        config.access.default_publish = vec![Rule::parse("inbox.{userId}").unwrap()];
    });
    let topic = |text: &str| Topic::new(text.to_owned()).unwrap();
    let rights = check(&jwt, &with(json!({}))).await.unwrap().rights;
    assert!(rights.may_subscribe(&topic("news.de")) && rights.may_publish(&topic("inbox.ann")));
    assert!(!rights.may_subscribe(&topic("inbox.ann")) && !rights.may_publish(&topic("inbox.bob")));
    let rights = check(&jwt, &with(json!({ "topics": { "subscribe": ["prices.*"] } })))
        .await
        .unwrap()
        .rights;
    assert!(rights.may_subscribe(&topic("prices.eur")) && !rights.may_subscribe(&topic("news.de")));
    assert!(
        !rights.may_publish(&topic("inbox.ann")),
        "a list that the claim leaves out opens nothing"
    );
}

#[tokio::test]
async fn a_claim_with_bad_rules_is_refused_whole() {
    let jwt = jwt(None, |_| {});
    assert_eq!(
        refusal(&jwt, &with(json!({ "topics": { "publish": ["a", "a.>.b"] } }))).await,
        "entry 1 of its claim topics.publish is not a pattern of topics"
    );
    let many = vec!["a"; 101];
    assert!(
        refusal(&jwt, &with(json!({ "topics": { "subscribe": many } })))
            .await
            .contains("more than 100 patterns")
    );
    for (topics, why) in [
        (json!("*"), "its claim topics is a text, not an object"),
        (json!(["*"]), "its claim topics is a list, not an object"),
        (json!({ "subscribe": "*" }), "its claim topics.subscribe is a text, not a list"),
        (
            json!({ "publish": ["a", 1] }),
            "entry 1 of its claim topics.publish is a number, not a text",
        ),
    ] {
        assert_eq!(refusal(&jwt, &with(json!({ "topics": topics }))).await, why);
    }
}

#[tokio::test]
async fn a_claim_that_is_repeated_is_named() {
    let jwt = jwt(None, |_| {});
    for (more, why) in [
        (r#","sub":"bob""#, "its content has sub twice"),
        (r#","exp":9"#, "its content has exp twice"),
        (r#","aud":"a","aud":"b""#, "its content has aud twice"),
        (r#","topics":{"publish":[],"publish":[">"]}"#, "its claim topics has publish twice"),
    ] {
        let claims = claims().to_string().replace('}', &format!("{more}}}"));
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = format!(
            "{signed}.{}",
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).unwrap()
        );
        assert_eq!(refusal(&jwt, &token).await, why);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?}", jwt(Some(RSA_PUBLIC), |_| {}));
    assert!(!shown.contains("thirty-two"), "{shown}");
}
