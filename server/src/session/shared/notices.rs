//! What other gateways have to be told: which of their sessions this one has taken over.

use super::{
    calls::Calls,
    lease::{self, Notice, Terms},
};
use crate::session::records::GatewayId;
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::{sync::Notify, time::sleep};

/// Gateways that have notices to come. Beyond that no more are added.
const MAX_GATEWAYS: usize = 64;

/// Notices for one gateway that wait; of more, the newest are left out.
const MAX_WAITING: usize = 512;

/// The wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Notices that are not delivered yet. One that is left out costs time only: the loser finds out by
/// its next write of the session, which it makes at the latest to refresh it.
#[derive(Debug, Default)]
pub(super) struct Notices {
    waiting: Mutex<HashMap<GatewayId, Vec<Notice>>>,
    added: Notify,
}

impl Notices {
    pub(super) fn add(&self, gateway: GatewayId, notices: &[Notice]) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MAX_GATEWAYS && !waiting.contains_key(&gateway) {
            return;
        }
        let of_gateway = waiting.entry(gateway).or_default();
        of_gateway.extend(notices.iter().take(MAX_WAITING.saturating_sub(of_gateway.len())));
        drop(waiting);
        self.added.notify_one();
    }

    /// Delivers notices for ever, several for one gateway with one write.
    pub(super) async fn deliver(&self, terms: Terms, calls: &Calls) {
        loop {
            self.added.notified().await;
            let batch = std::mem::take(&mut *self.waiting.lock());
            let mut has_failed = false;
            for (gateway, notices) in batch {
                if lease::notify(gateway, &notices, terms, calls).await.is_err() {
                    self.add(gateway, &notices);
                    has_failed = true;
                }
            }
            if has_failed {
                sleep(RETRY).await;
            }
        }
    }
}
