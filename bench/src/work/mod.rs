//! The work that the sides do, and its measurement. All of it runs on one thread with a runtime of
//! its own; work that would disturb it runs on another.

mod churn;
mod crowd;
mod fairness;
mod fan_out;
mod frames;
mod idle_memory;
mod latency;
mod memory;
mod outrun;
mod ping_pong;
mod publishes;
mod replay;
mod topics;
mod under_attack;
mod waves;

use crate::{
    figure::{At, Figures, Metric},
    side::Server,
};
use anyhow::{Context, Result};
pub use churn::Churn;
pub use fairness::Fairness;
pub use fan_out::FanOut;
pub use frames::Frames;
pub use idle_memory::IdleMemory;
pub use latency::Latency;
pub use memory::Memory;
pub use outrun::Outrun;
pub use ping_pong::PingPong;
pub use publishes::Publishes;
pub use replay::Replay;
use std::time::Duration;
use tokio::{task::LocalSet, time::timeout};
pub use topics::Topics;
pub use under_attack::{Access, Attack, UnderAttack};
pub use waves::Waves;

/// A measurement has failed after this time: a message was lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time for a server to release temporary memory before its memory is read.
const SETTLING: Duration = Duration::from_secs(2);

/// Bytes per payload, unless the row sets another size.
const PAYLOAD: usize = 128;

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Work {
    /// Publishers of one topic, and its subscribers.
    FanOut(FanOut),
    /// The same at several numbers of subscribers.
    FanOuts(Vec<FanOut>),
    /// One publisher to many topics, at several numbers of them.
    Topics(Vec<Topics>),
    /// Publishes that go out together, one wave after the other.
    Waves(Waves),
    /// One publisher with many publishes in flight.
    Publishes(Publishes),
    /// Each client publishes to its own topic.
    PingPong(PingPong),
    /// The time from a publish at a steady rate to its delivery.
    Latency(Latency),
    /// The memory of a connection at rest.
    IdleMemory(IdleMemory),
    /// The memory of each kind of thing that a server keeps.
    Memory(Memory),
    /// Subscribing and unsubscribing, at several sizes.
    Churn(Vec<Churn>),
    /// Replaying missed messages.
    Replay(Replay),
    /// A quiet topic beside a busy one.
    Fairness(Fairness),
    /// More publishes than subscribers can read.
    Outrun(Outrun),
    /// The largest frame of each kind.
    Frames(Frames),
    /// A client that behaves well beside others that do not.
    UnderAttack(UnderAttack),
    /// The time from the program's start to its first answer.
    Start,
}

impl Work {
    /// Whether each measurement needs a fresh server.
    pub(crate) fn needs_a_fresh_server(&self) -> bool {
        match self {
            Self::Start
            | Self::IdleMemory(_)
            | Self::Memory(_)
            | Self::Outrun(_)
            | Self::UnderAttack(_) => true,
            // A gateway keeps a topic for some time after its last subscriber has left.
            Self::Topics(all) => all.iter().any(|work| work.quiet > 0),
            _ => false,
        }
    }

    /// The work before anything is measured: some of the same, or a fan-out.
    pub(crate) fn warm_up(&self) -> Self {
        match self {
            Self::FanOut(work) => Self::FanOut(work.shortened()),
            Self::Waves(work) => Self::Waves(work.shortened()),
            Self::Publishes(work) => Self::Publishes(work.shortened()),
            _ => Self::FanOut(FanOut {
                subscribers: 100,
                publishers: 1,
                in_flight: 16,
                messages: 400,
            }),
        }
    }

    /// Does the work once.
    ///
    /// # Errors
    /// If the server refuses anything, or loses, repeats or reorders a message.
    pub fn run(&self, server: &Server) -> Result<Figures> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = LocalSet::new()
            .block_on(&runtime, async { timeout(PATIENCE, self.measure(server)).await });
        done.with_context(|| format!("not complete after {} s", PATIENCE.as_secs()))?
    }

    async fn measure(&self, server: &Server) -> Result<Figures> {
        match self {
            Self::FanOut(work) => work.run(server).await,
            Self::FanOuts(all) => {
                at_each_size(all, |work| work.subscribers, async |work| work.run(server).await)
                    .await
            }
            Self::Topics(all) => {
                at_each_size(
                    all,
                    |work| work.topics + work.quiet,
                    async |work| work.run(server).await,
                )
                .await
            }
            Self::Waves(work) => work.run(server).await,
            Self::Publishes(work) => work.run(server).await,
            Self::PingPong(work) => work.run(server).await,
            Self::Latency(work) => work.run(server).await,
            Self::IdleMemory(work) => work.run(server).await,
            Self::Memory(work) => work.run(server).await,
            Self::Churn(all) => {
                at_each_size(all, |work| work.subscribers, async |work| work.run(server).await)
                    .await
            }
            Self::Replay(work) => work.run(server).await,
            Self::Fairness(work) => work.run(server).await,
            Self::Outrun(work) => work.run(server).await,
            Self::Frames(work) => work.run(server).await,
            Self::UnderAttack(work) => work.run(server).await,
            Self::Start => Ok(Figures::from([(Metric::Start, server.start.as_secs_f64() * 1e3)])),
        }
    }
}

/// The same work at several sizes.
async fn at_each_size<W>(
    all: &[W],
    size: impl Fn(&W) -> usize,
    run: impl AsyncFn(&W) -> Result<Figures>,
) -> Result<Figures> {
    let mut figures = Figures::default();
    for work in all {
        figures.add_at(At::Size(size(work) as u64), run(work).await?);
    }
    Ok(figures)
}
