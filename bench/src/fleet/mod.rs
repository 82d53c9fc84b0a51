//! A fleet whose parts break: several gateways on NATS, clients that go on wherever they can, and one
//! fault after the other. Each reader checks every frame, and afterwards that it has everything that
//! was acknowledged.
//!
//! What has to hold: every acknowledged message was delivered to every reader, each once and in its
//! publisher's order, or the loss was told; a loss is told only if data was taken from the servers;
//! a client without the right receives nothing; after each fault every gateway serves again; at the
//! end no subscription, connection or attached topic is left.
//!
//! | module | idea |
//! |---|---|
//! | `process`, `link` | a program, and a way between two of them, which can fail |
//! | `brokers`, `gateways` | the programs of the fleet |
//! | `faults` | what breaks, and how it is mended |
//! | `scene`, `tokens` | what the clients share |
//! | `reader`, `publisher` | the clients |

mod brokers;
mod faults;
mod gateways;
mod link;
mod process;
mod publisher;
mod reader;
mod scene;
mod tokens;

use anyhow::{Context, Result};
use brokers::Brokers;
use faults::{Fault, Fleet};
use gateways::Gateway;
use reader::Reader;
use scene::{Scene, Stage};
use std::{fs, path::PathBuf, rc::Rc, time::Duration};
use tokio::{
    task::{JoinHandle, LocalSet, spawn_local},
    time::{Instant, sleep, timeout},
};

const GATEWAYS: usize = 3;
const READERS: usize = 6;
const PUBLISHERS: u32 = 4;

/// The time without a fault, between two of them.
const REST: Duration = Duration::from_secs(2);
/// How long publishers may take to get everything acknowledged once nothing breaks any more, and
/// then readers to receive it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a gateway may take to let go of topics that nothing is subscribed to.
const LETS_GO: Duration = Duration::from_secs(15);

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The gateway's program.
    pub gateway: PathBuf,
    /// The NATS server's program.
    pub nats: PathBuf,
    /// A folder for data and logs.
    pub work: PathBuf,
    /// How long parts break.
    pub time: Duration,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// What a run has shown.
#[derive(Debug)]
pub struct Outcome {
    /// What does not hold.
    pub violations: Vec<String>,
    /// The report in Markdown.
    pub report: String,
}

/// Breaks a fleet with a cluster of three servers for half of the time, and one with a single
/// server for the other half.
///
/// # Errors
/// If a program cannot be started.
pub fn run(options: &Options) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut outcome = Outcome { violations: Vec::new(), report: String::new() };
    for servers in [3, 1] {
        let one = LocalSet::new().block_on(&runtime, campaign(options, servers))?;
        outcome.violations.extend(one.violations);
        outcome.report.push_str(&one.report);
    }
    Ok(outcome)
}

async fn campaign(options: &Options, servers: usize) -> Result<Outcome> {
    let folder = options.work.join(format!("fleet-{servers}"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    println!(
        "{GATEWAYS} gateways, {servers} NATS servers, seed {}, {}",
        options.seed,
        folder.display()
    );
    let brokers = Brokers::start(&options.nats, &folder, servers).await?;
    let mut gateways = Vec::new();
    for index in 0..GATEWAYS {
        gateways.push(Gateway::start(&options.gateway, &folder, index, &brokers).await?);
    }
    let addresses = gateways.iter().map(|gateway| gateway.address).collect();
    let scene = Rc::new(Scene::new(addresses, options.seed));
    let mut fleet = Fleet::new(&scene, brokers, gateways);
    let outcome = suffer(options, &scene, &mut fleet, servers).await;
    let violations = scene.violations();
    outcome?;
    Ok(Outcome { report: report(&scene, &fleet, servers, violations.len()), violations })
}

async fn suffer(
    options: &Options,
    scene: &Rc<Scene>,
    fleet: &mut Fleet<'_>,
    servers: usize,
) -> Result<()> {
    let mut readers = Vec::new();
    for number in 0..READERS {
        let mut reader = Reader::new(scene.clone(), number);
        timeout(PATIENCE, reader.begin()).await.context("a reader cannot begin")?;
        readers.push(spawn_local(reader.run()));
    }
    let publishers: Vec<_> =
        (0..PUBLISHERS).map(|number| spawn_local(publisher::run(scene.clone(), number))).collect();
    let stranger = spawn_local(reader::stranger(scene.clone()));
    let mut chance = scene.chance();
    let mut faults = Vec::new();
    let end = Instant::now() + options.time / 2;
    while Instant::now() < end && scene.violations().is_empty() {
        sleep(REST).await;
        if faults.is_empty() {
            faults = Fault::of(servers);
            chance.shuffle(&mut faults);
        }
        if let Some(fault) = faults.pop()
            && let Err(error) = fleet.suffer(fault, &mut chance).await
        {
            scene.violation("the fleet", format!("after {fault:?}: {error:#}"));
        }
    }
    scene.set_stage(Stage::LastMessages);
    for publisher in publishers {
        ends(scene, "a publisher", "its messages are not acknowledged", publisher).await;
    }
    scene.set_stage(Stage::End);
    for reader in readers {
        ends(scene, "a reader", "it has not received everything", reader).await;
    }
    timeout(PATIENCE, stranger).await.context("a stranger does not leave")??;
    for gateway in &fleet.gateways {
        lets_go(scene, gateway).await?;
    }
    Ok(())
}

/// Waits for a client; one that does not end, or that panics, is a violation.
async fn ends<T>(scene: &Scene, who: &str, otherwise: &str, client: JoinHandle<T>) {
    let abort = client.abort_handle();
    match timeout(PATIENCE, client).await {
        Ok(Ok(_)) => {}
        Ok(Err(panic)) => scene.violation(who, panic),
        Err(_) => {
            abort.abort();
            scene.violation(who, format!("{otherwise} after {PATIENCE:?}"));
        }
    }
}

/// Checks that nothing is left of the clients.
async fn lets_go(scene: &Scene, gateway: &Gateway) -> Result<()> {
    const EMPTY: [&str; 4] = [
        "micro_socket_connections",
        "micro_socket_subscriptions",
        "micro_socket_backbone_attached_topics",
        "micro_socket_backbone_publishes_in_flight",
    ];
    let end = Instant::now() + LETS_GO;
    loop {
        let metrics = gateway.metrics().await?;
        let left = EMPTY.into_iter().find(|name| metrics.get(*name) != Some(&0.0));
        match left {
            None => return Ok(()),
            Some(name) if Instant::now() > end => {
                let value = metrics.get(name);
                scene.violation("a gateway", format!("{name} is {value:?} at the end"));
                return Ok(());
            }
            Some(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

fn report(scene: &Scene, fleet: &Fleet<'_>, servers: usize, violations: usize) -> String {
    let tally = &scene.tally;
    let counts = [
        ("messages acknowledged", tally.acknowledged.get()),
        ("messages delivered and checked", tally.delivered.get()),
        ("sessions resumed", tally.resumed.get()),
        ("topics resumed without loss", tally.positions.get()),
        ("connections whose session was taken over (4409)", tally.taken_over.get()),
        ("answers `BACKBONE_UNAVAILABLE`", tally.unavailable.get()),
        ("losses told", tally.losses.get()),
        ("setups of a client without rights, refused", tally.refused.get()),
        ("violations", violations as u64),
    ];
    let table = |lines: &mut dyn Iterator<Item = (&'static str, u64)>| {
        lines.map(|(name, count)| format!("| {name} | {count} |\n")).collect::<String>()
    };
    format!(
        "## {GATEWAYS} gateways, {servers} NATS server{}\n\n| fault | times |\n|---|---|\n{}\n| what happened | times |\n|---|---|\n{}\n",
        if servers == 1 { "" } else { "s" },
        table(&mut fleet.lines()),
        table(&mut counts.into_iter()),
    )
}
