//! How a gateway stops: every client gets what waits for it, then 1001. Relies on the gateway
//! taking no new work any more.

use crate::gateway::Gateway;
use protocol::CloseCode;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a stopping gateway waits for connections that it has closed, when their time is over.
const FAREWELL: Duration = Duration::from_secs(3);

/// A stopping gateway ends its connections one after the other, so that their clients do not come
/// back all at once: this far apart, or closer where their time would not suffice.
const APART: Duration = Duration::from_millis(10);

/// Ends every connection when its client has everything. After `timeouts.drain` it is closed all
/// the same. `spread`: not all of them at once.
pub(super) async fn drain(gateway: &Gateway, spread: bool) {
    let time = gateway.config().timeouts.drain;
    gateway.core.tasks.close();
    let in_order = async {
        // The first wait is for publishes that were accepted just before.
        loop {
            sleep(Duration::from_millis(2)).await;
            if gateway.core.topics.topics_fanning_out() == 0 {
                break;
            }
        }
        let connections = gateway.registry.connections.all();
        let apart = if spread {
            APART.min(time / 2 / u32::try_from(connections.len().max(1)).unwrap_or(u32::MAX))
        } else {
            Duration::ZERO
        };
        let start = Instant::now();
        for (i, connection) in (0..).zip(connections) {
            sleep_until(start + apart * i).await;
            connection.drain();
        }
        gateway.core.tasks.wait().await;
    };
    if timeout(time, in_order).await.is_err() {
        tracing::warn!(
            connections = gateway.registry.connections.len(),
            "some clients did not take everything in time"
        );
        gateway.registry.connections.close_all(CloseCode::GoingAway);
        if timeout(FAREWELL, gateway.core.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end");
        }
    }
    if let Some(flush) = gateway.sessions.clone().flush() {
        flush.await;
    }
}
