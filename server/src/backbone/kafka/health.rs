//! Whether the log takes records and gives them back. A connection alone proves nothing: a broker
//! that hangs keeps it. So a barrier is passed all the time.

use super::{barrier::Barriers, partition::Partition};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two barriers.
const INTERVAL: Duration = Duration::from_millis(500);

/// Clients by which nothing was proved for this long are given up for new ones.
const GIVE_UP: Duration = Duration::from_secs(6);

/// Passes barriers until the session is given up.
pub(super) async fn probe(partition: Arc<Partition>, barriers: Barriers, over: CancellationToken) {
    let mut proved = Instant::now();
    loop {
        let is_reachable = barriers.pass().await.is_ok();
        partition.set_reachable(is_reachable && !over.is_cancelled());
        if is_reachable {
            proved = Instant::now();
        } else if proved.elapsed() > GIVE_UP {
            return over.cancel();
        }
        sleep(INTERVAL).await;
    }
}
