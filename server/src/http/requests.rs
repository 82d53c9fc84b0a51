//! Requests by route and status, for `/metrics`.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::gateway::Gateway;

/// The route of a request that matches none.
const NO_ROUTE: &str = "none";

/// The answer was counted under its route.
#[derive(Clone, Copy)]
struct Counted;

/// Counts the answer under the route's pattern, never under the path that was asked for.
pub(super) async fn count(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    gateway.meter.count_request(path.as_ref().map_or(NO_ROUTE, |path| route(path.as_str())), response.status().as_u16());
    response.extensions_mut().insert(Counted);
    response
}

/// Counts answers that no route has given: to a request that was refused before.
pub(super) async fn count_unrouted(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.extensions().get::<Counted>().is_none() {
        gateway.meter.count_request(NO_ROUTE, response.status().as_u16());
    }
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
