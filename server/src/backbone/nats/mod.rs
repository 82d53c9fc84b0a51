//! NATS JetStream as the backbone: one stream for each shard, a subject for each topic. The number of
//! a message is its number in the stream, so a topic's numbers are sparse.
//!
//! A server's answer alone proves little: a replica may lag by seconds, a deposed leader goes on
//! answering, a connection to a server that hangs stays open, live messages may be missing. So
//! everything that a gateway claims is proved by a [`barrier`]. `docs/nats.md` says what that is
//! worth.
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what the configuration says |
//! | `error` | why a gateway cannot start |
//! | `subject` | the names of subjects and streams |
//! | `key` | a message's key in a header |
//! | `clock` | the server's clock |
//! | `connection` | one connection, which is not used again after it has broken |
//! | `session` | what runs over one connection |
//! | `shard` | one shard over one connection |
//! | `ack` | the answer to a publish |
//! | `api` | requests about streams |
//! | `stream` | creates the stream, or checks it |
//! | `life` | whether numbers were given a second time |
//! | `stored` | a stored message as the server hands it out |
//! | `direct` | direct gets |
//! | `barrier` | proofs of order |
//! | `heads` | proved heads |
//! | `pages` | parts of logs, each proved to be whole |
//! | `live` | attached topics |
//! | `tail_check` | whether they have had everything |
//! | `publish` | publishing |
//! | `health` | whether the log takes messages |
//! | `roll_call` | what the gateways say of themselves |
//! | `session_records` | the records of clients' sessions |

mod ack;
mod api;
mod barrier;
mod clock;
mod connection;
mod direct;
mod error;
mod heads;
mod health;
mod key;
mod life;
mod live;
mod pages;
mod publish;
mod roll_call;
mod session;
mod session_records;
mod settings;
mod shard;
mod stored;
mod stream;
mod subject;
mod tail_check;

#[cfg(test)]
mod tests;

use super::{
    Attached, Backbone, Description, Figures, Head, Health, Inbox, Message, Outcome, Part,
    ReadBudget, ReadError, Unavailable, retry::Retry,
};
use crate::metrics::histogram::Histogram;
use clock::ServerClock;
pub use error::StartError;
use futures_util::{FutureExt, future::BoxFuture};
use health::Reachable;
use hub::topic::Name;
use life::Numbering;
use live::Attachments;
use parking_lot::Mutex;
use protocol::Epoch;
use publish::{Publisher, Queue};
use roll_call::Caller;
use session::Session;
use session_records::SessionRecords;
pub use settings::Settings;
use shard::Shard;
use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use subject::Names;
#[cfg(test)]
pub(crate) use subject::shard_of;
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// How long a gateway that starts tries to reach its backbone.
const START: Duration = Duration::from_secs(10);

/// The backbone of one gateway. Dropped, it ends its connections.
pub struct Nats {
    fleet: Arc<Fleet>,
    publisher: Publisher,
    /// What the tasks take over at the start.
    parts: Mutex<Option<Parts>>,
    tasks: Mutex<Vec<AbortOnDropHandle<()>>>,
}

struct Parts {
    sessions: watch::Sender<Option<Arc<Session>>>,
    queue: Queue,
}

/// What all parts share; it outlives connections.
struct Fleet {
    settings: Arc<Settings>,
    names: Vec<Names>,
    numberings: Vec<Arc<Numbering>>,
    attachments: Arc<Attachments>,
    clock: Arc<ServerClock>,
    reachable: Reachable,
    /// The session of the moment; `None`: there is no connection, or it is not settled yet.
    sessions: watch::Receiver<Option<Arc<Session>>>,
    /// Connections that were taken up after the first.
    reconnects: AtomicU64,
    /// From handing a message over to its acknowledgement.
    latency: Histogram,
    /// What this gateway says of itself.
    introduction: OnceLock<Description>,
    caller: Caller,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.fleet.settings;
        f.debug_struct("Nats").field("name", &settings.name).finish_non_exhaustive()
    }
}

impl Nats {
    /// Without a connection. Until [`Nats::start`] has succeeded every call waits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let names = (0..settings.shards).map(|shard| Names::new(&settings.name, shard)).collect();
        let numberings = (0..settings.shards).map(|_| Arc::new(Numbering::new())).collect();
        let (sessions, present) = watch::channel(None);
        let (publisher, queue) = Publisher::new();
        let fleet = Fleet {
            settings: Arc::new(settings),
            names,
            numberings,
            attachments: Arc::default(),
            clock: Arc::default(),
            reachable: Reachable::default(),
            sessions: present,
            reconnects: AtomicU64::new(0),
            latency: Histogram::default(),
            introduction: OnceLock::new(),
            caller: Caller::new(),
        };
        Self {
            fleet: Arc::new(fleet),
            publisher,
            parts: Mutex::new(Some(Parts { sessions, queue })),
            tasks: Mutex::default(),
        }
    }

    /// The records of the fleet's sessions, in the same servers.
    #[must_use]
    pub fn session_records(&self) -> SessionRecords {
        SessionRecords(self.fleet.clone())
    }

    /// Connects, creates or checks the streams, and begins to keep a connection. Tries for 10 s.
    /// Needs a tokio runtime, on which its tasks run until this is dropped. Called once.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(&self) -> Result<(), StartError> {
        let first = first_session(&self.fleet).await?;
        let Some(Parts { sessions, queue }) = self.parts.lock().take() else { return Ok(()) };
        sessions.send_replace(Some(first.clone()));
        for shard in 0..self.fleet.names.len() {
            self.fleet.reachable.set(shard, true);
        }
        let fleet = Arc::downgrade(&self.fleet);
        let tasks = [
            tokio::spawn(keep_sessions(fleet.clone(), sessions, first)),
            tokio::spawn(publish::send(fleet, queue)),
        ];
        *self.tasks.lock() = tasks.map(AbortOnDropHandle::new).into();
        Ok(())
    }
}

/// Tries for a while what may pass.
async fn first_session(fleet: &Arc<Fleet>) -> Result<Arc<Session>, StartError> {
    let (begin, mut retry) = (Instant::now(), Retry::new());
    loop {
        match open(fleet, &retry).await {
            Ok(session) => return Ok(session),
            Err(error) if !error.may_pass() || begin.elapsed() > START => return Err(error),
            Err(error) => tracing::debug!(%error, "trying again"),
        }
        retry.pause().await;
    }
}

/// A session with the server that is to be tried, its topics taken up.
async fn open(fleet: &Arc<Fleet>, retry: &Retry) -> Result<Arc<Session>, StartError> {
    let mut session = Session::open(fleet, retry.server(&fleet.settings.urls)).await?;
    let taken_up = session.take_up(fleet).await;
    taken_up.map_err(|why| StartError::Unreachable(why.to_string()))?;
    Ok(Arc::new(session))
}

/// Keeps a session, for ever.
async fn keep_sessions(
    fleet: Weak<Fleet>,
    sessions: watch::Sender<Option<Arc<Session>>>,
    first: Arc<Session>,
) {
    let mut present = first;
    let mut retry = Retry::new();
    loop {
        present.connection.until_over().await;
        sessions.send_replace(None);
        retry.succeeded();
        present = loop {
            let Some(fleet) = fleet.upgrade() else { return };
            fleet.reachable.clear();
            match open(&fleet, &retry).await {
                Ok(session) => {
                    fleet.reconnects.fetch_add(1, Relaxed);
                    break session;
                }
                Err(error) => tracing::warn!(%error, "the backbone cannot be reached"),
            }
            retry.pause().await;
        };
        tracing::info!("the backbone is reached again");
        sessions.send_replace(Some(present.clone()));
    }
}

impl Fleet {
    /// The present session, as soon as there is one. Cancel-safe.
    async fn session(&self) -> Arc<Session> {
        let mut sessions = self.sessions.clone();
        loop {
            let found =
                sessions.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
            match found {
                Some(session) => return session,
                // The backbone is about to be dropped.
                None => std::future::pending().await,
            }
        }
    }

    /// Does `act` over the present session, and again over the next one if the connection breaks
    /// meanwhile. Cancel-safe if `act` is.
    async fn with_session<T, E, F>(&self, mut act: impl FnMut(Arc<Session>) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            let session = self.session().await;
            let connection = session.connection.clone();
            let mut sessions = self.sessions.clone();
            tokio::select! {
                result = act(session) => match result {
                    Err(_) if connection.is_over() => {}
                    result => return result,
                },
                () = connection.until_over() => {}
            }
            let is_next = |present: &Option<Arc<Session>>| {
                present
                    .as_ref()
                    .is_none_or(|present| !Arc::ptr_eq(&present.connection, &connection))
            };
            // The session that has ended is taken away within a moment.
            let _ = sessions.wait_for(is_next).await;
        }
    }

    fn index_of(&self, shard: &Shard) -> usize {
        let same = |numbering: &Arc<Numbering>| Arc::ptr_eq(numbering, &shard.numbering);
        self.numberings.iter().position(same).unwrap_or_default()
    }

    fn attachments_of(&self, shard: &Shard, all: &[Arc<Shard>]) -> Vec<Arc<live::Attachment>> {
        let mut attachments = self.attachments.all();
        let at = self.index_of(shard);
        attachments.retain(|found| subject::shard_of(&found.topic, all.len()) == at);
        attachments
    }

    async fn head(&self, topic: &Name) -> Result<Head, Unavailable> {
        self.with_session(async |session| {
            let shard = session.shard(topic);
            let proved = shard.heads.prove(topic).await?;
            let attached = self.attachments.find(topic);
            Ok(match attached {
                Some(attachment) => attachment.head(shard, &proved).await,
                None => heads::head(shard, &proved, None).await,
            })
        })
        .await
    }
}

impl Backbone for Nats {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        self.publisher.publish(&self.fleet, message).boxed()
    }

    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        let fleet = self.fleet.clone();
        async move {
            let (attachment, guard) = fleet.attachments.add(topic.clone(), inbox);
            let head = fleet.with_session(|session| {
                let (attachment, topic) = (attachment.clone(), topic.clone());
                async move {
                    let shard = session.shard(&topic);
                    attachment.listen(shard).await?;
                    let proved = shard.heads.prove(&topic).await?;
                    let head = attachment.head(shard, &proved).await;
                    attachment.begin(&head);
                    Ok::<_, Unavailable>(head)
                }
            });
            Ok(Attached { head: head.await?, guard: Box::new(guard) })
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
            fleet
                .with_session(|session| {
                    let (topic, epoch) = (topic.clone(), epoch.clone());
                    async move {
                        pages::read(session.shard(&topic), &topic, &epoch, after, budget).await
                    }
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
            let shard = session.shard(&topic);
            if shard.numbering.epoch().is_some_and(|present| *present == epoch) {
                session::settle(shard, Some(&epoch)).await;
                // Every topic of the shard is told.
                shard.unsettled.notify_one();
            }
            fleet.head(&topic).await
        }
        .boxed()
    }

    fn health(&self) -> Health {
        if self.fleet.reachable.all(self.fleet.names.len()) {
            Health::Reachable
        } else {
            Health::Unreachable
        }
    }

    fn introduce(&self, own: Description) {
        // Called once.
        let _ = self.fleet.introduction.set(own);
    }

    fn others(&self) -> BoxFuture<'static, Vec<Vec<u8>>> {
        let fleet = self.fleet.clone();
        async move { roll_call::ask(&fleet).await }.boxed()
    }

    fn figures(&self) -> Figures {
        Figures {
            reconnects: self.fleet.reconnects.load(Relaxed),
            attached: self.fleet.attachments.len(),
            in_flight: self.publisher.in_flight(),
            publishes: Some(self.fleet.latency.snapshot()),
        }
    }
}
