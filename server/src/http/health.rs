//! `GET /healthz` and `GET /readyz`: whether the process lives, and whether to send it traffic.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::ErrorCode;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::problem::{self, Code, Documented, Problem};
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

/// Why a request is refused, for the documentation.
struct NotReady;

impl IntoResponses for NotReady {
    fn responses() -> Documented {
        problem::refusals([(
            Code::Protocol(ErrorCode::ShuttingDown),
            "Send traffic elsewhere: the gateway is about to stop (`SHUTTING_DOWN`), or its backbone or its Redis server takes no writes (`BACKBONE_UNAVAILABLE`)",
        )])
    }
}

/// Whether the gateway takes connections and publishes
///
/// For the load balancer before it. Answered by any name in `Host`.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations",
    responses(
        (status = 200, description = "Send traffic", body = Health),
        NotReady,
    )
)]
pub(super) async fn readyz(State(gateway): State<Arc<Gateway>>) -> Result<Json<Health>, Problem> {
    gateway.readiness()?;
    Ok(Json(Health { ok: true }))
}
