//! `GET /stats`: how much is going on, and how well, at this gateway or at all of a fleet.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use super::problem::{self, Code, Documented, Problem};
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
    /// With `scope=cluster`: each gateway of the fleet that has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    gateways: Option<Vec<GatewayBody>>,
}

/// What is going on at one gateway of a fleet.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = GatewayStats, example = json!({ "id": "5f2c8f0f1f5d7a61", "connections": 2, "topics": 1, "subscriptions": 2,
    "slo": { "deliveryP99Ms": 50.0, "minute": example_window(), "hour": example_window() } }))]
struct GatewayBody {
    /// Its name for as long as it runs.
    id: String,
    /// Its WebSocket connections.
    connections: u64,
    /// Topics with at least one subscriber there.
    topics: u64,
    /// Pairs of a connection and a topic.
    subscriptions: u64,
    /// Its service level.
    slo: SloBody,
}

/// From a publish to the sockets of its subscribers: what was promised, and what was reached.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Serialize, Deserialize, ToSchema)]
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

impl WindowBody {
    /// Of both gateways: the sums, and the slower one's percentiles.
    fn and(self, other: &Self) -> Self {
        let slower = |one: Option<f64>, other: Option<f64>| {
            [one, other].into_iter().flatten().max_by(f64::total_cmp)
        };
        Self {
            met: self.met && other.met,
            p50_ms: slower(self.p50_ms, other.p50_ms),
            p90_ms: slower(self.p90_ms, other.p90_ms),
            p99_ms: slower(self.p99_ms, other.p99_ms),
            p999_ms: slower(self.p999_ms, other.p999_ms),
            published: self.published + other.published,
            delivered: self.delivered + other.delivered,
            duplicates: self.duplicates + other.duplicates,
            replayed: self.replayed + other.replayed,
            slow_consumers: self.slow_consumers + other.slow_consumers,
        }
    }
}

impl GatewayBody {
    fn of(gateway: &Gateway) -> Self {
        let stats = gateway.stats();
        let target = gateway.config().slo.delivery_p99;
        Self {
            id: gateway.id.clone(),
            connections: stats.connections,
            topics: stats.topics,
            subscriptions: stats.subscriptions,
            slo: SloBody {
                delivery_p99_ms: millis(target),
                minute: WindowBody::new(&gateway.slo.minute(), target),
                hour: WindowBody::new(&gateway.slo.hour(), target),
            },
        }
    }
}

impl StatsBody {
    fn of(own: GatewayBody) -> Self {
        let GatewayBody { connections, topics, subscriptions, slo, .. } = own;
        Self { connections, topics, subscriptions, slo, gateways: None }
    }

    fn of_all(own: GatewayBody, others: Vec<GatewayBody>) -> Self {
        let mut all = Self::of(own.clone());
        for other in &others {
            all.connections += other.connections;
            all.topics += other.topics;
            all.subscriptions += other.subscriptions;
            all.slo.minute = all.slo.minute.and(&other.slo.minute);
            all.slo.hour = all.slo.hour.and(&other.slo.hour);
        }
        let mut gateways = others;
        gateways.push(own);
        gateways.sort_by(|one, other| one.id.cmp(&other.id));
        Self { gateways: Some(gateways), ..all }
    }
}

/// Lets the other gateways of the fleet ask this one.
pub(super) fn introduce(gateway: &Arc<Gateway>) {
    let weak = Arc::downgrade(gateway);
    gateway.sequencer.introduce(Arc::new(move || {
        let own = weak.upgrade().map(|gateway| GatewayBody::of(&gateway));
        own.and_then(|own| serde_json::to_vec(&own).ok()).unwrap_or_default()
    }));
}

/// Why a request is refused, for the documentation.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Documented {
        problem::refusals([(
            Code::Protocol(ErrorCode::InvalidMessage),
            "`INVALID_MESSAGE`: another scope than `cluster`",
        )])
    }
}

/// Whether all gateways are asked for.
fn is_cluster(query: Option<&str>) -> Result<bool, Problem> {
    let scope = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find_map(|(name, value)| (name == "scope").then_some(value));
    match scope.as_deref() {
        None => Ok(false),
        Some("cluster") => Ok(true),
        Some(_) => {
            let detail = "scope must be cluster, or be left out for this gateway alone";
            Err(Problem::new(Code::Protocol(ErrorCode::InvalidMessage), detail))
        }
    }
}

/// How many connections, topics and subscriptions there are, and how fast messages reach them
///
/// Asking changes nothing, and may be done as often as one likes. With `scope=cluster` every gateway
/// of a fleet on NATS is asked, which takes 0.3 s: the counts are sums (a topic counts once for each
/// gateway), the percentiles those of the slowest gateway. One that does not answer is missing.
#[utoipa::path(get, path = "/stats", tag = "Gateway", params(
    ("scope" = Option<String>, Query, description = "`cluster`: all gateways of the fleet; left out: this one", example = "cluster"),
), responses(
    (status = 200, description = "The counts at this moment, and the service level", body = StatsBody),
    Refusals,
))]
pub(super) async fn stats(
    State(gateway): State<Arc<Gateway>>,
    RawQuery(query): RawQuery,
) -> Result<Json<StatsBody>, Problem> {
    let own = GatewayBody::of(&gateway);
    if !is_cluster(query.as_deref())? {
        return Ok(Json(StatsBody::of(own)));
    }
    let others = gateway.sequencer.others().await;
    let others = others.iter().filter_map(|text| serde_json::from_slice(text).ok()).collect();
    Ok(Json(StatsBody::of_all(own, others)))
}
