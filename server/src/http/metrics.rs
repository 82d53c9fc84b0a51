//! `GET /metrics`: the gateway for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::gateway::Gateway;
use crate::metrics::{exposition::CONTENT_TYPE, scrape};

/// The gateway's metrics in Prometheus's text format
///
/// No topic, user, session or address is a label.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, description = "Prometheus text, version 0.0.4",
    body = String, content_type = "text/plain", example = "# TYPE micro_socket_connections gauge\nmicro_socket_connections 2\n")))]
pub(super) async fn metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], scrape(&gateway))
}
