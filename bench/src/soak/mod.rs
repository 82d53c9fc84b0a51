//! A long run against one gateway: clients of every kind, good and bad, all at once, against limits
//! that are reached. Each client checks what it receives; afterwards nothing may be left of them.
//!
//! | module | idea |
//! |---|---|
//! | `limits` | how the gateway is configured |
//! | `actors` | the clients, one file per kind |
//! | `entrance`, `http` | how they connect; requests |
//! | `ledger`, `reader` | what a reader was told, and whether the next frame is allowed |
//! | `scene`, `tally` | what all clients share, what they count |
//! | `stage`, `ending` | how they start and leave; what is left of them |
//! | `vitals`, `verdict` | readings of the gateway, and when they are a leak |
//! | `report` | the report in Markdown |

mod actors;
mod ending;
mod entrance;
pub(crate) mod http;
pub(crate) mod ledger;
mod limits;
mod reader;
mod report;
mod scene;
mod stage;
mod tally;
mod verdict;
pub(crate) mod vitals;

use crate::side::{Environment, GATEWAY, Server};
use anyhow::{Context, Result};
use scene::Scene;
use stage::Looks;
use std::{fs, rc::Rc, time::Duration};
use tokio::{task::LocalSet, time::Instant};
use vitals::Vitals;

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The time under load, without warm-up and rest.
    pub time: Duration,
    /// The seed of the random numbers.
    pub seed: u64,
    /// 1: some tens of connections and a thousand publishes per second.
    pub rate: f64,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Violations of the gateway's guarantees.
    pub violations: Vec<String>,
    /// The report in Markdown.
    pub report: String,
}

/// Shorter runs have no warm-up and do not judge memory: what an allocator keeps depends on the
/// first seconds.
const LONG: Duration = Duration::from_secs(60);
/// The longest warm-up.
const WARM_UP: Duration = Duration::from_secs(60);

/// Starts a gateway and puts it under load.
///
/// # Errors
/// If it does not start, or stops answering.
pub fn run(environment: &Environment, options: Options) -> Result<Outcome> {
    let keys = environment.work.join("soak-keys");
    fs::write(&keys, http::KEY)?;
    let keys = keys.display().to_string();
    let settings =
        [limits::SETTINGS.as_slice(), &[("MICRO_SOCKET_HTTP__API_KEYS_FILE", keys.as_str())]]
            .concat();
    let server = Server::start(GATEWAY, environment, &settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, soak(server, options))
}

/// The readings of the gateway.
struct Seen {
    /// At rest, before the measured load.
    before: Vitals,
    samples: Vec<Vitals>,
    /// At rest, at the end.
    after: Vitals,
    /// Under load.
    time: Duration,
    cpu: Duration,
    own_cpu: Duration,
}

async fn soak(server: Server, options: Options) -> Result<Outcome> {
    let Options { time, seed, rate } = options;
    let address = server.target.address;
    println!(
        "seed {seed}, rate {rate}, {:.0} s, gateway at {address} with process id {}",
        time.as_secs_f64(),
        server.id()
    );
    // The first request of each kind allocates memory that stays.
    http::get(address, "/docs").await?;
    let started = ending::rest(&server, |_| true).await?;
    let looks = Looks {
        every: (time / 60).clamp(Duration::from_secs(1), Duration::from_secs(5)),
        told_every: (time / 4).min(WARM_UP),
    };
    let is_long = time >= LONG;
    let mut violations = Vec::new();
    let mut stored_before = 0;
    let mut before = started.clone();
    if is_long {
        let warm_up = Rc::new(Scene::new(address, "warm-up", seed, rate));
        stage::run(&server, &warm_up, (time / 5).min(WARM_UP), looks).await?;
        before =
            ending::rest(&server, |now| verdict::leaks_at_rest(&started, now).is_empty()).await?;
        println!("warmed up: RSS {}, {} fds", verdict::mib(before.memory), before.fds);
        violations.extend(verdict::leaks_at_rest(&started, &before));
        violations.extend(warm_up.faults());
        stored_before = warm_up.tally.stored.get();
    }
    let scene = Rc::new(Scene::new(address, "soak", seed.wrapping_add(1), rate));
    let own = crate::measure::process::Processes::this();
    let (own_before, cpu_before, begin) = (own.cpu()?, server.processes.cpu()?, Instant::now());
    let samples = stage::run(&server, &scene, time, looks).await?;
    let (time, cpu, own_cpu) =
        (begin.elapsed(), server.processes.cpu()? - cpu_before, own.cpu()? - own_before);
    let after =
        ending::rest(&server, |now| verdict::leaks_at_rest(&before, now).is_empty()).await?;
    let seen = Seen { before, samples, after, time, cpu, own_cpu };
    violations.extend(verdict::leaks_at_rest(&seen.before, &seen.after));
    let unseen = scene.tally.never().filter(|what| is_long || tally::Tally::ALWAYS.contains(what));
    violations.extend(unseen.map(|what| format!("never seen: {what}")));
    if is_long {
        violations.extend(verdict::memory_leak(&seen.before, &seen.after));
        violations.extend(verdict::trend(
            &seen.samples.iter().map(|sample| sample.memory).collect::<Vec<_>>(),
        ));
    }
    if let Err(error) = ending::still_serves(&scene).await {
        scene.fault("afterwards", &error);
    }
    let counted = Vitals::of(&server).await?.metric("micro_socket_publishes_total{status=\"ok\"}");
    let acknowledged = scene.tally.stored.get() + stored_before;
    if counted != acknowledged as f64 {
        violations.push(format!(
            "the gateway has stored {counted} messages, the clients know of {acknowledged}"
        ));
    }
    if let Err(error) = ending::goes_in_order(&scene, server).await.context("SIGTERM") {
        scene.fault("the end", &error);
    }
    violations.extend(scene.faults());
    let report = report::page(options, &scene.tally, &seen, &violations);
    Ok(Outcome { violations, report })
}
