//! The life of a shard's numbering. Numbers may be given a second time: a data directory was set
//! back to an older copy, or a power failure has taken what was acknowledged. Only gateways that
//! have seen the numbers can notice: the next barrier is below the highest number that they know.
//! The first of them that notices begins a new life, and with it a new epoch.
//!
//! A life is a random word. It is stored as a message by compare-and-set, so that one gateway begins
//! it and every proof of a head shows it, and then in the stream's metadata, which outlives
//! messages. A word is never a former one: a late write of an older word into the metadata is
//! repaired, and until then means one more life, never an old one again.

use super::{
    ack::EXPECTED,
    barrier,
    connection::Connection,
    direct,
    error::StartError,
    settings::Settings,
    stream::{self, Stream},
    subject::Names,
};
use crate::{backbone::Unavailable, chance};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use protocol::Epoch;
use ring::digest::{SHA256, digest};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::sleep;

/// Former lives that are remembered: a directory may be set back more than once.
const FORMER: usize = 64;

/// Between two looks at a replica that lags.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks before the caller has to begin anew.
const TRIES: usize = 50;

/// What this gateway knows of a shard's numbering; it outlives connections.
#[derive(Debug)]
pub(super) struct Numbering {
    /// The highest number that was seen in the present life.
    pub(super) highest: Arc<AtomicU64>,
    known: Mutex<Option<Known>>,
    former: Mutex<VecDeque<String>>,
    /// One task at a time settles it.
    settling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Known {
    created: String,
    life: String,
    epoch: Arc<Epoch<'static>>,
}

/// The life as one proof has shown it.
struct Seen {
    barrier: u64,
    /// The last message that began a life, and its number. `None`: it is not stored any more.
    message: Option<(u64, String)>,
}

impl Numbering {
    pub(super) fn new() -> Self {
        Self {
            highest: Arc::default(),
            known: Mutex::default(),
            former: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
        }
    }

    /// The present life's. `None`: it was never settled.
    pub(super) fn epoch(&self) -> Option<Arc<Epoch<'static>>> {
        self.known.lock().as_ref().map(|known| known.epoch.clone())
    }

    /// Whether the present life has this word; so it has if none is known.
    pub(super) fn is(&self, life: &[u8]) -> bool {
        self.known.lock().as_ref().is_none_or(|known| known.life.as_bytes() == life)
    }

    /// Finds out the present life, and begins a new one if numbers were given back, or if `broken`
    /// is the present one: in it they were.
    ///
    /// # Errors
    /// [`StartError`]
    pub(super) async fn settle(
        &self,
        connection: &Connection,
        settings: &Settings,
        names: &Names,
        broken: Option<&Epoch<'static>>,
    ) -> Result<Arc<Epoch<'static>>, StartError> {
        let _turn = self.settling.lock().await;
        loop {
            let stream = stream::ensure(connection, settings, names).await?;
            let before = self.highest.load(Relaxed);
            let seen = see(connection, names).await.map_err(|Unavailable| StartError::Api {
                stream: names.stream.clone(),
                reason: "it does not store messages now: it may have no leader".to_owned(),
            })?;
            let stored = seen.message.as_ref().map(|(_, life)| life.clone());
            let life = stored.clone().unwrap_or_else(|| stream.life.clone());
            if self.has_ended(&stream, &life, seen.barrier < before, broken) {
                tracing::warn!(
                    stream = names.stream,
                    barrier = seen.barrier,
                    highest = before,
                    "numbers were given a second time: a new life of the numbering begins"
                );
                begin(connection, names, seen.message.map_or(0, |(number, _)| number)).await;
                continue;
            }
            if stored.is_some_and(|life| life != stream.life) {
                let written = stream::write_life(connection, names, &stream, &life).await;
                if let Err(error) = written {
                    tracing::warn!(stream = names.stream, %error, "the life of the numbering is not in the stream's metadata yet");
                }
            }
            return Ok(self.adopt(&names.stream, stream.created, life, seen.barrier));
        }
    }

    /// Whether the life that was found cannot be the present one.
    fn has_ended(
        &self,
        stream: &Stream,
        life: &str,
        went_back: bool,
        broken: Option<&Epoch<'static>>,
    ) -> bool {
        let known = self.known.lock();
        let Some(known) = known.as_ref().filter(|known| known.created == stream.created) else {
            return false;
        };
        if known.life == life {
            went_back || broken.is_some_and(|broken| *broken == *known.epoch)
        } else {
            self.former.lock().iter().any(|former| former == life)
        }
    }

    fn adopt(
        &self,
        stream: &str,
        created: String,
        life: String,
        barrier: u64,
    ) -> Arc<Epoch<'static>> {
        let mut known = self.known.lock();
        if let Some(known) = known.as_ref().filter(|old| old.created == created && old.life == life)
        {
            self.highest.fetch_max(barrier, Relaxed);
            return known.epoch.clone();
        }
        if let Some(old) = known.take() {
            let mut former = self.former.lock();
            former.push_back(old.life);
            if former.len() > FORMER {
                former.pop_front();
            }
        }
        self.highest.store(barrier, Relaxed);
        let epoch = Arc::new(epoch(stream, &created, &life));
        *known = Some(Known { created, life, epoch: epoch.clone() });
        epoch
    }
}

/// Reads the life behind a barrier.
async fn see(connection: &Connection, names: &Names) -> Result<Seen, Unavailable> {
    let barrier = barrier::publish(connection, &names.barrier()).await.ok_or(Unavailable)?;
    let subjects = [names.barrier(), names.life()];
    for _ in 0..TRIES {
        let answer = direct::last_of(connection, &names.stream, &subjects, 0).await?;
        if answer.up_to >= barrier {
            let message = answer.messages.iter().find(|found| found.subject == subjects[1]);
            let text = |payload| String::from_utf8_lossy(payload).into_owned();
            let message = message.map(|found| (found.seq_no, text(found.payload())));
            return Ok(Seen { barrier, message });
        }
        sleep(PAUSE).await;
    }
    Err(Unavailable)
}

/// Begins a life, unless another gateway was faster.
async fn begin(connection: &Connection, names: &Names, expected: u64) {
    let life = URL_SAFE_NO_PAD.encode(chance::draw::<[u8; 12]>());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(EXPECTED, expected.to_string().as_str());
    const LIMIT: Duration = Duration::from_secs(1);
    // Whether or not it was stored, the next look says so.
    let _answer = connection.ask(names.life(), life.into(), Some(headers), LIMIT).await;
    if connection.is_over() {
        return;
    }
    sleep(PAUSE).await;
}

fn epoch(stream: &str, created: &str, life: &str) -> Epoch<'static> {
    const BYTES: usize = 12;
    let hash = digest(&SHA256, [stream, created, life].join("\n").as_bytes());
    let name = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..BYTES]);
    Epoch::new(name).unwrap_or_else(|why| unreachable!("base64url is an epoch's alphabet: {why}"))
}
