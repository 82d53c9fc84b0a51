//! `GET /healthz` and `GET /readyz`: whether the process lives, and whether to send it traffic.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem, ProblemBody, example};
use crate::gateway::Gateway;

/// All is well.
#[derive(Serialize, ToSchema)]
#[schema(as = Health, example = json!({ "ok": true }))]
pub(super) struct Health {
    /// Always true: what is not well is answered by a problem.
    ok: bool,
}

/// Whether the process lives
///
/// For a supervisor that starts it anew. Answered by any name in `Host`.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "It lives", body = Health)))]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { ok: true })
}

/// Whether the gateway takes connections and publishes
///
/// For the load balancer before it. Answered by any name in `Host`.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations",
    responses(
        (status = 200, description = "Send traffic", body = Health),
        (status = 503, description = "Send traffic elsewhere: the gateway is about to stop (`SHUTTING_DOWN`), or its backbone takes no messages (`BACKBONE_UNAVAILABLE`)", body = ProblemBody,
            content_type = "application/problem+json", example = json!(example(Code::Protocol(ErrorCode::ShuttingDown)))),
    )
)]
pub(super) async fn readyz(State(gateway): State<Arc<Gateway>>) -> Result<Json<Health>, Problem> {
    gateway.readiness()?;
    Ok(Json(Health { ok: true }))
}
