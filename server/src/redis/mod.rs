//! A Redis server that several gateways share: it remembers message ids, and keeps the records of
//! sessions. `docs/redis.md` says what that is worth.
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what the configuration says |
//! | `error` | why a gateway cannot start |
//! | `server` | what a server says of itself |
//! | `script` | the steps that the server does as a whole |
//! | `connection` | one connection, until it breaks |
//! | `line` | calls in their order, sent in batches; whether the server can be reached |
//! | `claims` | message ids |
//! | `session_records` | the records of clients' sessions |

mod claims;
mod connection;
mod error;
mod line;
mod script;
mod server;
mod session_records;
mod settings;

#[cfg(test)]
mod tests;

use crate::{
    backoff::Backoff,
    metrics::histogram::{Histogram, Snapshot},
};
pub(crate) use claims::{Attempt, Claims, Verdict};
use connection::{Connection, Facts};
pub use error::StartError;
use line::{Condition, Line, Queue};
pub(crate) use line::{Lost, Reply};
use parking_lot::Mutex;
pub use session_records::SessionRecords;
pub use settings::Settings;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long a gateway that starts tries to reach the server.
const START: Duration = Duration::from_secs(10);

/// Between two tries to connect. Short enough that `/readyz` answers 200 within two seconds of the
/// server's return.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The Redis server of one gateway. Dropped, it ends its connection.
pub struct Redis {
    shared: Arc<Shared>,
    line: Line,
    /// What the task takes over at the start.
    queue: Mutex<Option<Queue>>,
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// What outlives connections.
struct Shared {
    settings: Arc<Settings>,
    condition: Condition,
    reconnects: AtomicU64,
    refusals: AtomicU64,
    latency: Histogram,
}

/// What is counted, for `/metrics`.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Connections that were taken up after the first.
    pub reconnects: u64,
    /// Calls that the server has refused.
    pub refusals: u64,
    /// Calls that wait to be sent.
    pub waiting: usize,
    /// From sending a batch to its answers, for each of its calls.
    pub calls: Snapshot,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("url", &self.shared.settings.url).finish_non_exhaustive()
    }
}

impl Redis {
    /// Without a connection. Until [`Redis::start`] has succeeded every call waits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (line, queue) = Line::new();
        let shared = Shared {
            settings: Arc::new(settings),
            condition: Condition::default(),
            reconnects: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            latency: Histogram::default(),
        };
        Self {
            shared: Arc::new(shared),
            line,
            queue: Mutex::new(Some(queue)),
            task: Mutex::default(),
        }
    }

    /// Connects, checks the server, and begins to keep a connection. Tries for 10 s. Needs a tokio
    /// runtime, on which its task runs until this is dropped. Called once.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(&self) -> Result<(), StartError> {
        let (first, facts) = first_connection(&self.shared.settings).await?;
        let Some(queue) = self.queue.lock().take() else { return Ok(()) };
        self.shared.learn(facts);
        if !facts.has_append_only_file {
            tracing::warn!(
                "the Redis server has no append-only file (appendonly no): when it is restarted, message ids and sessions are forgotten; docs/redis.md says what that means"
            );
        }
        let work = line::work(self.shared.clone(), first, queue);
        *self.task.lock() = Some(AbortOnDropHandle::new(tokio::spawn(work)));
        Ok(())
    }

    /// The message ids of the fleet.
    pub(crate) fn claims(&self) -> Claims {
        let Settings { prefix, window, lease, .. } = &*self.shared.settings;
        let (window, lease) = (*window, *lease);
        Claims { line: self.line.clone(), prefix: prefix.as_str().into(), window, lease }
    }

    /// The records of the fleet's sessions.
    #[must_use]
    pub fn session_records(&self) -> SessionRecords {
        let prefix = self.shared.settings.prefix.as_str().into();
        SessionRecords { line: self.line.clone(), prefix }
    }

    /// Whether it took a write within the last second or so.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.shared.condition.is_reachable.load(Relaxed)
    }

    /// What is counted.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            reconnects: self.shared.reconnects.load(Relaxed),
            refusals: self.shared.refusals.load(Relaxed),
            waiting: self.line.len(),
            calls: self.shared.latency.snapshot(),
        }
    }
}

impl Shared {
    /// What a new connection has shown. It has taken a write.
    fn learn(&self, facts: Facts) {
        if facts.has_replicas {
            self.expect_replicas();
        }
        self.condition.is_reachable.store(true, Relaxed);
    }

    fn expect_replicas(&self) {
        if !self.condition.has_replicas.swap(true, Relaxed) {
            tracing::info!(
                "the Redis server has replicas: from now on nothing counts that none of them has"
            );
        }
    }
}

/// Tries for a while what may pass.
async fn first_connection(settings: &Settings) -> Result<(Connection, Facts), StartError> {
    let (begin, mut backoff) = (Instant::now(), Backoff::new(LONGEST_PAUSE));
    loop {
        match Connection::open(settings).await {
            Ok(opened) => return Ok(opened),
            Err(error) if !error.may_pass() || begin.elapsed() > START => return Err(error),
            Err(error) => tracing::debug!(%error, "trying again"),
        }
        backoff.pause().await;
    }
}
