//! `GET /.well-known/micro-socket-keys`: the public keys that messages are signed with.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::gateway::Gateway;

/// The public keys of the signatures, as a JWK set, the present one first; empty where the gateway
/// does not sign
///
/// Any page may read it.
#[utoipa::path(get, path = "/.well-known/micro-socket-keys", operation_id = "signing_keys", tag = "Gateway",
    responses((status = 200, description = "Ed25519 keys (RFC 8037), each named by its thumbprint (RFC 7638)",
        body = serde_json::Map<String, serde_json::Value>, content_type = "application/jwk-set+json", example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "use": "sig", "alg": "EdDSA" }] }))))]
pub(super) async fn keys(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, gateway.key_set().as_str().to_owned())
}
