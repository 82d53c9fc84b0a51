//! A double of [`Records`] for tests: a server in memory on tokio's clock, and a link to it for each
//! gateway. A link has every fault that the contract of [`Records`] allows.

use super::{
    Unavailable,
    records::{PutError, Record, RecordName, Records, Revision},
};
use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Versions of a record that a read may give.
const VERSIONS: usize = 3;

/// What the server does wrong that its contract forbids, to see that a test finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Breach {
    #[default]
    None,
    /// A write succeeds whatever revision it expects.
    SetsBlindly,
    /// A write succeeds, and the record stays as it was.
    ForgetsWrites,
    /// Every record has just been written.
    StopsTheClock,
}

/// What keeps the records.
#[derive(Debug, Default)]
pub(crate) struct Server(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    breach: Breach,
    revisions: u64,
    /// The last versions of each record, the newest one last. `None`: deleted.
    records: HashMap<RecordName, Vec<Version>>,
    session_writes: usize,
    lease_writes: usize,
}

#[derive(Debug, Clone)]
struct Version {
    revision: Revision,
    value: Vec<u8>,
    written: Instant,
    ttl: Duration,
}

impl Version {
    fn read(&self) -> Option<Record> {
        let age = self.written.elapsed();
        (age < self.ttl).then(|| Record { revision: self.revision, value: self.value.clone(), age })
    }
}

impl Server {
    pub(crate) fn with(breach: Breach) -> Self {
        Self(Mutex::new(State { breach, ..State::default() }))
    }

    fn get(&self, name: RecordName, versions_ago: usize) -> Option<Record> {
        let state = self.0.lock();
        let versions = state.records.get(&name)?;
        let version = versions.len().checked_sub(1 + versions_ago).map(|index| &versions[index]);
        match state.breach {
            Breach::StopsTheClock => {
                let Version { revision, value, .. } = version?.clone();
                Some(Record { revision, value, age: Duration::ZERO })
            }
            _ => version?.read(),
        }
    }

    fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<Revision, PutError> {
        let mut state = self.0.lock();
        let present = state.records.get(&name).and_then(|versions| versions.last()?.read());
        if present.map(|record| record.revision) != expected
            && !matches!(state.breach, Breach::SetsBlindly)
        {
            return Err(PutError::Conflict);
        }
        state.revisions += 1;
        let revision = Revision(state.revisions);
        match name {
            RecordName::Session(_) => state.session_writes += 1,
            RecordName::Gateway(_) => state.lease_writes += 1,
        }
        let is_forgotten =
            state.breach == Breach::ForgetsWrites && state.revisions.is_multiple_of(4);
        let versions = state.records.entry(name).or_default();
        if is_forgotten && let Some(last) = versions.last_mut() {
            last.revision = revision;
            return Ok(revision);
        }
        versions.push(Version { revision, value, written: Instant::now(), ttl });
        let excess = versions.len().saturating_sub(VERSIONS);
        versions.drain(..excess);
        Ok(revision)
    }

    /// Writes of sessions so far.
    pub(crate) fn session_writes(&self) -> usize {
        self.0.lock().session_writes
    }

    /// Loses all records.
    pub(crate) fn lose_everything(&self) {
        self.0.lock().records.clear();
    }

    /// Loses or destroys records.
    pub(crate) fn change_values(&self, mut change: impl FnMut(RecordName, &mut Vec<u8>)) {
        for (name, versions) in &mut self.0.lock().records {
            versions.iter_mut().for_each(|version| change(*name, &mut version.value));
        }
    }

    /// Records of sessions and gateways that have not expired.
    pub(crate) fn len(&self) -> usize {
        let state = self.0.lock();
        state
            .records
            .values()
            .filter(|versions| versions.last().is_some_and(|v| v.read().is_some()))
            .count()
    }
}

/// When something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum When {
    #[default]
    Never,
    Always,
    /// So many times.
    Next(u32),
    /// With this probability.
    Sometimes(f64),
}

impl When {
    fn is_now(&mut self, random: &mut StdRng) -> bool {
        match self {
            Self::Never | Self::Next(0) => false,
            Self::Always => true,
            Self::Next(times) => {
                *times -= 1;
                true
            }
            Self::Sometimes(probability) => random.random_bool(*probability),
        }
    }
}

/// What goes wrong on a link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// The longest that each way takes.
    pub(crate) delay: Duration,
    /// A read gives an older version, or none.
    pub(crate) stale: When,
    /// A call fails, and is not carried out.
    pub(crate) refused: When,
    /// A write is carried out, and its answer is an error.
    pub(crate) lost_reply: When,
    /// A call is not answered; a write may be carried out.
    pub(crate) hang: When,
}

/// A gateway's way to the server.
#[derive(Debug)]
pub(crate) struct Link {
    server: Arc<Server>,
    state: Mutex<(Faults, StdRng)>,
}

/// What goes wrong with one call.
struct Fate {
    way: [Duration; 2],
    versions_ago: usize,
    refused: bool,
    lost_reply: bool,
    hangs: bool,
    hangs_before: bool,
}

impl Link {
    pub(crate) fn new(server: Arc<Server>, seed: u64) -> Arc<Self> {
        let state = (Faults::default(), StdRng::seed_from_u64(seed));
        Arc::new(Self { server, state: Mutex::new(state) })
    }

    pub(crate) fn set(&self, faults: Faults) {
        self.state.lock().0 = faults;
    }

    fn fate(&self, is_write: bool) -> Fate {
        let (faults, random) = &mut *self.state.lock();
        let is_stale = faults.stale.is_now(random);
        Fate {
            way: [(); 2].map(|()| faults.delay.mul_f64(random.random())),
            versions_ago: if is_stale { random.random_range(1..VERSIONS) } else { 0 },
            refused: faults.refused.is_now(random),
            lost_reply: is_write && faults.lost_reply.is_now(random),
            hangs: faults.hang.is_now(random),
            hangs_before: random.random(),
        }
    }
}

async fn carry_out<T>(fate: Fate, work: impl FnOnce() -> T) -> Result<T, Unavailable> {
    sleep(fate.way[0]).await;
    if fate.hangs && fate.hangs_before {
        return pending().await;
    }
    if fate.refused {
        return Err(Unavailable);
    }
    let answer = work();
    sleep(fate.way[1]).await;
    if fate.hangs {
        return pending().await;
    }
    if fate.lost_reply { Err(Unavailable) } else { Ok(answer) }
}

impl Records for Link {
    fn get(&self, name: RecordName) -> BoxFuture<'static, Result<Option<Record>, Unavailable>> {
        let (server, fate) = (self.server.clone(), self.fate(false));
        let versions_ago = fate.versions_ago;
        carry_out(fate, move || server.get(name, versions_ago)).boxed()
    }

    fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Revision, PutError>> {
        let (server, fate) = (self.server.clone(), self.fate(true));
        // A task of its own: a call that its caller has given up is still carried out.
        let task = tokio::spawn(carry_out(fate, move || server.put(name, expected, value, ttl)));
        async move {
            match task.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(Unavailable)) | Err(_) => Err(Unavailable.into()),
            }
        }
        .boxed()
    }
}
