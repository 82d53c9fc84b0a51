//! `GET /stats`: how much is going on, and how well.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::slo::Window;

/// What is going on at this moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats, example = json!({ "connections": 2, "topics": 1, "subscriptions": 2,
    "slo": { "deliveryP99Ms": 50.0, "minute": example_window(), "hour": example_window() } }))]
pub(super) struct StatsBody {
    /// WebSocket connections, set up or not yet.
    connections: u64,
    /// Topics with at least one live subscriber.
    topics: u64,
    /// Pairs of a connection and a topic that it is subscribed to.
    subscriptions: u64,
    /// The service level.
    slo: SloBody,
}

/// From a publish to the sockets of its subscribers: what was promised, and what was reached.
#[derive(Serialize, ToSchema)]
#[schema(as = Slo, example = json!({ "deliveryP99Ms": 50.0, "minute": example_window(), "hour": example_window() }))]
#[serde(rename_all = "camelCase")]
struct SloBody {
    /// What 99 of 100 deliveries are to reach, in milliseconds (`slo.delivery_p99`).
    #[serde(rename = "deliveryP99Ms")]
    delivery_p99_ms: f64,
    /// The last minute.
    minute: WindowBody,
    /// The last hour.
    hour: WindowBody,
}

/// One window. The percentiles are those of the deliveries, in milliseconds, rounded up by 6 % at
/// most; null where there was none.
#[derive(Serialize, ToSchema)]
#[schema(as = SloWindow, example = json!(example_window()))]
#[serde(rename_all = "camelCase")]
struct WindowBody {
    /// Whether 99 of 100 deliveries reached the target.
    met: bool,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
    /// Publishes that were stored.
    published: u64,
    /// Messages handed to sockets, one for each subscriber.
    delivered: u64,
    /// Publishes that were repeats.
    duplicates: u64,
    /// Messages handed out again, to clients that catch up.
    replayed: u64,
    /// Connections that were closed because they read too slowly.
    slow_consumers: u64,
}

impl WindowBody {
    fn new(window: &Window, target: Duration) -> Self {
        let quantile = |share| window.latency.quantile(share).map(millis);
        Self {
            met: window.meets(target),
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            published: window.published,
            delivered: window.delivered,
            duplicates: window.duplicates,
            replayed: window.replayed,
            slow_consumers: window.slow_consumers,
        }
    }
}

fn example_window() -> WindowBody {
    let [p50_ms, p90_ms, p99_ms, p999_ms] = [0.1, 0.2, 0.7, 1.9].map(Some);
    WindowBody {
        met: true,
        p50_ms,
        p90_ms,
        p99_ms,
        p999_ms,
        published: 100,
        delivered: 200,
        duplicates: 1,
        replayed: 0,
        slow_consumers: 0,
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// How many connections, topics and subscriptions there are, and how fast messages reach them
///
/// Asking changes nothing, and may be done as often as one likes.
#[utoipa::path(get, path = "/stats", tag = "Gateway", responses((status = 200, description = "The counts at this moment, and the service level", body = StatsBody)))]
pub(super) async fn stats(State(gateway): State<Arc<Gateway>>) -> Json<StatsBody> {
    let stats = gateway.stats();
    let target = gateway.config().slo.delivery_p99;
    let slo = SloBody {
        delivery_p99_ms: millis(target),
        minute: WindowBody::new(&gateway.slo.minute(), target),
        hour: WindowBody::new(&gateway.slo.hour(), target),
    };
    Json(StatsBody {
        connections: stats.connections,
        topics: stats.topics,
        subscriptions: stats.subscriptions,
        slo,
    })
}
