//! The two machine-readable descriptions, `/openapi.json` and `/asyncapi.json`: made once, served as they are.

use axum::Extension;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;

/// Both as JSON text.
#[derive(Clone)]
pub(super) struct Documents {
    pub(super) openapi: Bytes,
    pub(super) asyncapi: Bytes,
}

/// This document: the HTTP part (OpenAPI 3.1)
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi_document", tag = "Documentation",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = serde_json::Map<String, serde_json::Value>)))]
pub(super) async fn openapi(Extension(documents): Extension<Documents>) -> impl IntoResponse {
    json(documents.openapi)
}

/// The WebSocket part: every frame with its schema and an example (AsyncAPI 3)
#[utoipa::path(get, path = "/asyncapi.json", operation_id = "asyncapi_document", tag = "Documentation",
    responses((status = 200, description = "An AsyncAPI 3 document", body = serde_json::Map<String, serde_json::Value>)))]
pub(super) async fn asyncapi(Extension(documents): Extension<Documents>) -> impl IntoResponse {
    json(documents.asyncapi)
}

fn json(content: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], content)
}
