//! An issuer of tokens: signs them, and publishes its keys at an address that counts requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// Settings with which a gateway accepts tokens signed with [`SECRET`].
pub(crate) const BY_SECRET: [(&str, &str); 2] =
    [("MICRO_SOCKET_AUTH__MODE", "jwt"), ("MICRO_SOCKET_AUTH__JWT_SECRET", SECRET)];

/// The time `seconds` from now, in seconds since 1970.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
        + seconds
}

/// The usual claims of `user`, overridden by `more`.
pub(crate) fn claims(user: &str, more: Value) -> Value {
    let mut claims = json!({ "sub": user, "exp": in_seconds(600) });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// A token of `user`, signed by HS256.
pub(crate) fn token(user: &str, more: Value) -> String {
    Signer::secret().sign(&claims(user, more))
}

/// A private key with its algorithm.
#[derive(Clone)]
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    id: Option<String>,
}

impl Signer {
    pub(crate) fn secret() -> Self {
        Self {
            algorithm: Algorithm::HS256,
            key: EncodingKey::from_secret(SECRET.as_bytes()),
            id: None,
        }
    }

    pub(crate) fn rsa() -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../keys/rsa.pem")).unwrap();
        Self { algorithm: Algorithm::RS256, key, id: None }
    }

    pub(crate) fn other_rsa() -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../keys/other_rsa.pem")).unwrap();
        Self { algorithm: Algorithm::RS256, key, id: None }
    }

    pub(crate) fn ec() -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("../keys/ec.pem")).unwrap();
        Self { algorithm: Algorithm::ES256, key, id: None }
    }

    pub(crate) fn ed() -> Self {
        let key = EncodingKey::from_ed_pem(include_bytes!("../keys/ed.pem")).unwrap();
        Self { algorithm: Algorithm::EdDSA, key, id: None }
    }

    /// The same key with this id.
    pub(crate) fn named(&self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self.clone() }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.id);
        encode(&header, claims, &self.key).unwrap()
    }

    fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id.clone_from(&self.id);
        jwk
    }
}

/// A server of one key set.
pub(crate) struct KeyServer {
    pub(crate) url: String,
    state: Arc<Published>,
    task: JoinHandle<()>,
}

struct Published {
    answer: Mutex<(StatusCode, String)>,
    fetches: AtomicUsize,
    /// The header of the last request.
    authorization: Mutex<Option<String>>,
    /// A request takes one permit before it is answered.
    open: Semaphore,
}

impl KeyServer {
    pub(crate) async fn start(keys: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let state = Arc::new(Published {
            answer: Mutex::new((StatusCode::OK, key_set(keys))),
            fetches: AtomicUsize::new(0),
            authorization: Mutex::default(),
            open: Semaphore::new(64),
        });
        let router = Router::new().route("/keys", get(answer)).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    /// Settings with which a gateway accepts tokens signed with these keys.
    pub(crate) fn environment<'a>(&'a self, min_refresh: &'a str) -> [(&'a str, &'a str); 3] {
        [
            ("MICRO_SOCKET_AUTH__MODE", "jwt"),
            ("MICRO_SOCKET_AUTH__JWKS_URL", &self.url),
            ("MICRO_SOCKET_AUTH__JWKS_MIN_REFRESH", min_refresh),
        ]
    }

    pub(crate) fn publish(&self, keys: &[&Signer]) {
        self.answer(StatusCode::OK, key_set(keys));
    }

    pub(crate) fn answer(&self, status: StatusCode, body: String) {
        *self.state.answer.lock() = (status, body);
    }

    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(SeqCst)
    }

    pub(crate) fn authorization(&self) -> Option<String> {
        self.state.authorization.lock().clone()
    }

    /// Waits until the keys were requested `count` times.
    pub(crate) async fn is_asked(&self, count: usize) {
        while self.fetches() < count {
            // Nothing tells when a request arrives, so look again.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Holds all answers back until the guard is dropped.
    pub(crate) fn hold(&self) -> impl Drop + '_ {
        let all = u32::try_from(self.state.open.available_permits()).unwrap_or(u32::MAX);
        self.state.open.try_acquire_many(all).unwrap()
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn key_set(keys: &[&Signer]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

async fn answer(State(state): State<Arc<Published>>, headers: HeaderMap) -> Response {
    *state.authorization.lock() =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    state.fetches.fetch_add(1, SeqCst);
    let _open = state.open.acquire().await.unwrap();
    let answer = state.answer.lock().clone();
    answer.into_response()
}
