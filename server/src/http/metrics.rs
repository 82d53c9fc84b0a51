//! `GET /metrics`: the gateway for Prometheus.

mod scrape;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use protocol::ErrorCode;
use scrape::scrape;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::problem::Problem;
use crate::gateway::Gateway;
use crate::metrics::exposition::CONTENT_TYPE;

/// Requests that come together take one thread in turns, not one each.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// The gateway's metrics in Prometheus's text format
///
/// No topic, user, session or address is a label.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, description = "Prometheus text, version 0.0.4",
    body = String, content_type = "text/plain", example = "# TYPE micro_socket_connections gauge\nmicro_socket_connections 2\n")))]
pub(super) async fn metrics(
    State(gateway): State<Arc<Gateway>>,
) -> Result<impl IntoResponse, Problem> {
    // It looks at every connection and at the process's files: too long for a thread that serves.
    let turn = ONE_AT_A_TIME.acquire().await;
    let scrape = move || {
        let _until_it_is_done = turn;
        scrape(&gateway)
    };
    let text = spawn_blocking(scrape).await.map_err(|_| Problem::from(ErrorCode::Internal))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}
