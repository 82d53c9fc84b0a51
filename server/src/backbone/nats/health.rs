//! Whether the log takes messages. A connection alone proves nothing: a server that hangs keeps it.
//! So a barrier is passed all the time.

use super::{Fleet, shard::Shard};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Between two barriers.
const INTERVAL: Duration = Duration::from_millis(500);

/// A connection over which nothing was proved for this long is given up for a new one, perhaps to
/// another server.
const GIVE_UP: Duration = Duration::from_secs(6);

/// Which shards are known to take messages, as bits.
#[derive(Debug, Default)]
pub(super) struct Reachable(AtomicU64);

impl Reachable {
    pub(super) fn set(&self, shard: usize, is_reachable: bool) {
        let bit = 1 << shard;
        if is_reachable {
            self.0.fetch_or(bit, Relaxed);
        } else {
            self.0.fetch_and(!bit, Relaxed);
        }
    }

    /// None of the shards is, until it is proved again.
    pub(super) fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    /// Whether all of this many shards are.
    pub(super) fn all(&self, shards: usize) -> bool {
        self.0.load(Relaxed).count_ones() as usize == shards
    }
}

/// Passes barriers until the connection is given up. Ends the connection also if a barrier proves
/// that numbers were given back: the next connection settles it.
pub(super) async fn probe(fleet: Arc<Fleet>, shard: Arc<Shard>) {
    let at = fleet.index_of(&shard);
    let mut proved = Instant::now();
    loop {
        let before = shard.numbering.highest.load(Relaxed);
        match shard.barriers.pass().await {
            Ok(barrier) if barrier < before => {
                fleet.reachable.set(at, false);
                return shard.connection.end();
            }
            Ok(_) => {
                proved = Instant::now();
                fleet.reachable.set(at, true);
            }
            Err(_) => fleet.reachable.set(at, false),
        }
        if proved.elapsed() > GIVE_UP {
            tracing::warn!("the NATS server does not answer: connecting anew");
            return shard.connection.end();
        }
        sleep(INTERVAL).await;
    }
}
