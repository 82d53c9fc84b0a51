//! The two machine-readable descriptions, `/openapi.json` and `/asyncapi.json`. Any page may read
//! them: so do editors and viewers that run in a browser.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;

use super::asyncapi;
use super::host::AskedHost;
use crate::gateway::Gateway;
use crate::page::{Asset, Document, REVALIDATED, is_held};

/// This gateway's OpenAPI document.
pub(super) type OpenApiDocument = Arc<Document>;

/// The document to serve.
pub(super) fn written(openapi: OpenApi) -> OpenApiDocument {
    Arc::new(Document::new(move || {
        Asset::new("application/json", REVALIDATED)
            .in_every_form(serde_json::to_vec(&openapi).unwrap_or_default())
    }))
}

/// This document: the HTTP part (OpenAPI 3.1)
///
/// Lists what this gateway is configured to serve. Any page may read it.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi_document", tag = "Documentation",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Map<String, serde_json::Value>)))]
pub(super) async fn openapi(
    Extension(document): Extension<OpenApiDocument>,
    headers: HeaderMap,
) -> Response {
    document.respond(&headers).await
}

/// The WebSocket part: every frame with its schema and an example (AsyncAPI 3)
///
/// Its server is the address that the request is for. Any page may read it.
#[utoipa::path(get, path = "/asyncapi.json", operation_id = "asyncapi_document", tag = "Documentation",
    responses((status = 200, description = "An AsyncAPI 3 document", body = serde_json::Map<String, serde_json::Value>)))]
pub(super) async fn asyncapi(
    State(gateway): State<Arc<Gateway>>,
    AskedHost(host): AskedHost,
    headers: HeaderMap,
) -> Response {
    let host = host.map_or_else(|| "localhost".to_owned(), |host| host.to_string());
    let protocol = if gateway.config().tls.cert_file.is_some() { "wss" } else { "ws" };
    // Weak: compressing it on the way gives other bytes.
    let etag = HeaderValue::try_from(format!("W/\"{}-{protocol}-{host}\"", asyncapi::revision()));
    let Ok(etag) = etag else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let kept = [
        (header::CACHE_CONTROL, REVALIDATED),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if is_held(&etag, &headers) {
        return (StatusCode::NOT_MODIFIED, kept, [(header::ETAG, etag)]).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kept, kind, [(header::ETAG, etag)], asyncapi::document(protocol, &host)).into_response()
}
