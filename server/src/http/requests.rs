//! Requests by route and status, for `/metrics`.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::gateway::Gateway;

/// Counts the answer under the route's pattern, never under the path that was asked for.
pub(super) async fn count(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    gateway.meter.count_request(
        path.as_ref().map_or("none", |path| route(path.as_str())),
        response.status().as_u16(),
    );
    response
}

/// Files whose names change with their content count together.
fn route(pattern: &str) -> &str {
    match pattern {
        "/openapi" | "/openapi.json" => pattern,
        _ if pattern.starts_with("/openapi/") => "/openapi/{file}",
        _ if pattern.starts_with("/pkg/") => "/pkg/{file}",
        _ => pattern,
    }
}
