//! `GET /stats`: how much is going on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;

/// What is going on at this moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats, example = json!({ "connections": 2, "topics": 1, "subscriptions": 2 }))]
pub(super) struct StatsBody {
    /// WebSocket connections, set up or not yet.
    connections: u64,
    /// Topics with at least one live subscriber.
    topics: u64,
    /// Pairs of a connection and a topic that it is subscribed to.
    subscriptions: u64,
}

/// How many connections, topics and subscriptions there are
#[utoipa::path(get, path = "/stats", tag = "Gateway", responses((status = 200, description = "The counts at this moment", body = StatsBody)))]
pub(super) async fn stats(State(gateway): State<Arc<Gateway>>) -> Json<StatsBody> {
    let stats = gateway.stats();
    Json(StatsBody { connections: stats.connections, topics: stats.topics, subscriptions: stats.subscriptions })
}
