//! Kafka as the backbone: one Kafka topic, among whose partitions the fleet's topics are spread by
//! hash. The number of a message is its offset plus one, so a topic's numbers are sparse.
//!
//! Kafka keeps records in order and knows nothing of topics or keys in a partition, so every gateway
//! reads every record and finds out for itself what is a repeat and what a topic's last message is.
//! All come to the same result, since it follows from the log alone: see [`repeats`] and [`life`].
//! `docs/kafka.md` says what that costs.
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what the configuration says |
//! | `error` | why a gateway cannot start |
//! | `client` | the client library's producer and consumers |
//! | `topic` | creates the Kafka topic, or checks it |
//! | `record` | what is written, and how it is read |
//! | `key` | a message's key, as a hash |
//! | `life` | which life the numbering is in, by the log alone |
//! | `repeats` | which records are repeats, by the log alone |
//! | `heads` | the last message of each topic |
//! | `partition` | all that is known of one partition |
//! | `session` | what runs over one set of clients |
//! | `reader` | reads everything |
//! | `waiting` | what waits for its record to be read |
//! | `barrier` | proofs |
//! | `health` | whether the log takes records |
//! | `attachments` | where records go |
//! | `scan` | parts of topics' logs |

mod attachments;
mod barrier;
mod client;
mod error;
mod heads;
mod health;
mod key;
mod life;
mod partition;
mod reader;
mod record;
mod repeats;
mod scan;
mod session;
mod settings;
mod topic;
mod waiting;

#[cfg(test)]
mod tests;

use super::{
    Attached, Backbone, Figures, Head, Health, Inbox, Message, Outcome, Part, ReadBudget,
    ReadError, Unavailable, retry::Retry,
};
use crate::metrics::histogram::Histogram;
use attachments::Attachments;
pub use error::StartError;
use futures_util::{FutureExt, future::BoxFuture};
use hub::topic::Name;
use parking_lot::Mutex;
use partition::Partition;
use protocol::Epoch;
use reader::Reader;
use record::Writing;
use ring::digest::{SHA256, digest};
use session::Session;
pub use settings::Settings;
use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use waiting::{Answer, Waiting};

/// How long a gateway that starts tries to reach its backbone.
const START: Duration = Duration::from_secs(10);

/// The session of the moment; `None`: there is none, or it is not settled yet.
type Present = Option<Arc<Session>>;

/// The backbone of one gateway. Dropped, it ends its connections.
pub struct Kafka {
    fleet: Arc<Fleet>,
    /// What the task takes over at the start.
    sessions: Mutex<Option<watch::Sender<Present>>>,
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// What all parts share; it outlives connections.
struct Fleet {
    settings: Arc<Settings>,
    partitions: Vec<Arc<Partition>>,
    attachments: Arc<Attachments>,
    waiting: Arc<Waiting>,
    sessions: watch::Receiver<Present>,
    /// Sessions that were taken up after the first.
    reconnects: AtomicU64,
    /// Scans of partitions that were begun.
    scans: AtomicU64,
    /// From handing a message over to its acknowledgement.
    latency: Histogram,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("name", &self.fleet.settings.name).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Without a connection. Until [`Kafka::start`] has succeeded every call waits, but a publish,
    /// which is refused.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let partition = |index| Arc::new(Partition::new(index, settings.clone()));
        let partitions = (0..settings.shards).map(partition).collect();
        let (sessions, present) = watch::channel(None);
        let fleet = Fleet {
            settings,
            partitions,
            attachments: Arc::default(),
            waiting: Arc::new(Waiting::new()),
            sessions: present,
            reconnects: AtomicU64::new(0),
            scans: AtomicU64::new(0),
            latency: Histogram::default(),
        };
        Self {
            fleet: Arc::new(fleet),
            sessions: Mutex::new(Some(sessions)),
            task: Mutex::default(),
        }
    }

    /// Connects, creates or checks the Kafka topic, reads a window of it, and begins to keep a
    /// session. Tries for 10 s. Needs a tokio runtime, on which its tasks run until this is dropped.
    /// Called once.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(&self) -> Result<(), StartError> {
        let (session, reader) = first_session(&self.fleet).await?;
        let Some(sessions) = self.sessions.lock().take() else { return Ok(()) };
        // Publishes that come before the task runs are taken.
        sessions.send_replace(Some(session.clone()));
        let task = tokio::spawn(keep_sessions(
            Arc::downgrade(&self.fleet),
            Sessions(sessions),
            session,
            reader,
        ));
        *self.task.lock() = Some(AbortOnDropHandle::new(task));
        Ok(())
    }
}

/// Tries for a while what may pass.
async fn first_session(fleet: &Arc<Fleet>) -> Result<(Arc<Session>, Reader), StartError> {
    let (begin, mut retry) = (Instant::now(), Retry::new());
    loop {
        match Session::open(fleet, true).await {
            Ok(opened) => return Ok(opened),
            Err(error) if !error.may_pass() || begin.elapsed() > START => return Err(error),
            Err(error) => tracing::debug!(%error, "trying again"),
        }
        retry.pause().await;
    }
}

/// Who keeps the sessions. Dropped, it takes the present one away: a session's tasks hold the fleet,
/// which holds the other end of this.
struct Sessions(watch::Sender<Present>);

impl Drop for Sessions {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// Keeps a session, and reads, for ever.
async fn keep_sessions(
    fleet: Weak<Fleet>,
    sessions: Sessions,
    mut session: Arc<Session>,
    mut reader: Reader,
) {
    let mut retry = Retry::new();
    loop {
        reader.run().await;
        sessions.0.send_replace(None);
        drop((session, reader));
        retry.succeeded();
        (session, reader) = loop {
            let Some(fleet) = fleet.upgrade() else { return };
            for partition in &fleet.partitions {
                partition.set_reachable(false);
            }
            // Its records may come into the log, but nothing waits for them to be read.
            fleet.waiting.give_up();
            match Session::open(&fleet, false).await {
                Ok(opened) => {
                    fleet.reconnects.fetch_add(1, Relaxed);
                    break opened;
                }
                Err(error) => tracing::warn!(%error, "the backbone cannot be reached"),
            }
            retry.pause().await;
        };
        tracing::info!("the backbone is reached again");
        sessions.0.send_replace(Some(session.clone()));
    }
}

impl Fleet {
    fn partition_of(&self, topic: &Name) -> &Arc<Partition> {
        &self.partitions[partition_of(topic, self.partitions.len())]
    }

    /// The present session, as soon as there is one. Cancel-safe.
    async fn session(&self) -> Arc<Session> {
        let mut sessions = self.sessions.clone();
        let found = sessions.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        match found {
            Some(session) => session,
            // The backbone is about to be dropped.
            None => std::future::pending().await,
        }
    }

    /// Does `act` over the present session, and again over the next one if that ends meanwhile.
    /// Cancel-safe if `act` is.
    async fn with_session<T, E, F>(&self, mut act: impl FnMut(Arc<Session>) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            let session = self.session().await;
            let mut sessions = self.sessions.clone();
            tokio::select! {
                result = act(session.clone()) => match result {
                    Err(_) if session.over.is_cancelled() => {}
                    result => return result,
                },
                () = session.over.cancelled() => {}
            }
            let is_next = |present: &Present| {
                present.as_ref().is_none_or(|present| !Arc::ptr_eq(present, &session))
            };
            // The session that has ended is taken away within a moment.
            let _ = sessions.wait_for(is_next).await;
        }
    }

    async fn head(&self, topic: &Name) -> Result<Head, Unavailable> {
        let partition = self.partition_of(topic);
        self.with_session(async |session| {
            session.pass_barrier(partition.index).await?;
            reader::head(partition, topic).ok_or(Unavailable)
        })
        .await
    }
}

/// The partition of a topic: the same in every process and version.
fn partition_of(topic: &Name, partitions: usize) -> usize {
    let hash = digest(&SHA256, topic.as_str().as_bytes());
    let number =
        hash.as_ref().iter().take(4).fold(0, |number, byte| number << 8 | usize::from(*byte));
    number % partitions
}

impl Backbone for Kafka {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        let fleet = self.fleet.clone();
        let begin = Instant::now();
        let session = fleet.sessions.borrow().clone();
        let held = session.and_then(|session| {
            let key = key::key(&message.user, &message.message_id);
            let partition = fleet.partition_of(&message.topic);
            session.writer(&fleet).write(partition, Writing::Message(&message, key))
        });
        async move {
            let Some(held) = held else { return Outcome::Refused };
            let answer = held.answer().await;
            if let Answer::Stored(_) | Answer::Duplicate(_) = answer {
                fleet.latency.record(begin.elapsed(), 1);
            }
            answer.into()
        }
        .boxed()
    }

    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        let fleet = self.fleet.clone();
        async move {
            let guard = fleet.attachments.add(topic.clone(), inbox);
            let head = fleet.head(&topic).await?;
            Ok(Attached { head, guard: Box::new(guard) })
        }
        .boxed()
    }

    fn head(&self, topic: &Name) -> BoxFuture<'static, Result<Head, Unavailable>> {
        let (fleet, topic) = (self.fleet.clone(), topic.clone());
        async move { fleet.head(&topic).await }.boxed()
    }

    fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>> {
        let (fleet, topic, epoch) = (self.fleet.clone(), topic.clone(), epoch.clone());
        async move {
            let partition = fleet.partition_of(&topic);
            fleet
                .with_session(async |session| {
                    session.scans.read(partition, &topic, &epoch, after, budget).await
                })
                .await
        }
        .boxed()
    }

    fn renumber(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>> {
        let (fleet, topic, epoch) = (self.fleet.clone(), topic.clone(), epoch.clone());
        async move {
            let session = fleet.session().await;
            let partition = fleet.partition_of(&topic);
            if partition.epoch().is_some_and(|present| *present == epoch) {
                partition.end_life();
                // The next one begins another life, or finds one that has begun.
                session.over.cancel();
            }
            fleet.head(&topic).await
        }
        .boxed()
    }

    fn health(&self) -> Health {
        if self.fleet.partitions.iter().all(|partition| partition.is_reachable()) {
            Health::Reachable
        } else {
            Health::Unreachable
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            reconnects: self.fleet.reconnects.load(Relaxed),
            attached: self.fleet.attachments.len(),
            in_flight: self.fleet.waiting.len(),
            publishes: Some(self.fleet.latency.snapshot()),
        }
    }
}

#[cfg(test)]
mod own_tests {
    use super::*;

    #[test]
    fn a_topic_stays_in_its_partition() {
        // Another function would look for messages in partitions that do not have them.
        let partitions: Vec<_> = ["a", "b", "c", "prices"]
            .map(|topic| partition_of(&Name::new(topic).unwrap(), 16))
            .into();
        assert_eq!(partitions, [2, 6, 3, 9]);
    }
}
