//! One stage of a run: all clients start, work for a while under the eyes of a sampler, and leave
//! in order.

use super::{actors, scene::Scene, vitals::Vitals};
use crate::side::Server;
use anyhow::{Context, Result, anyhow};
use std::{rc::Rc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// How long clients may take to leave after they were told to.
const LEAVING: Duration = Duration::from_secs(60);

/// The clients of a stage.
#[derive(Debug, Default)]
pub(super) struct Crew {
    first: JoinSet<()>,
    last: JoinSet<()>,
}

impl Crew {
    /// Adds a client that leaves at the end of the load.
    pub(super) fn first(&mut self, client: impl Future<Output = ()> + 'static) {
        self.first.spawn_local(client);
    }

    /// Adds a client that stays until nothing is published any more.
    pub(super) fn last(&mut self, client: impl Future<Output = ()> + 'static) {
        self.last.spawn_local(client);
    }
}

/// The interval of the readings, and of their output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    pub(super) every: Duration,
    pub(super) told_every: Duration,
}

/// Runs a stage; returns the readings of the gateway.
pub(super) async fn run(
    server: &Server,
    scene: &Rc<Scene>,
    time: Duration,
    looks: Looks,
) -> Result<Vec<Vitals>> {
    let mut crew = Crew::default();
    actors::enter(scene, &mut crew);
    let samples = watch(server, scene, time, looks).await?;
    scene.stop();
    leave(scene, crew.first, "visiting clients").await;
    scene.last_call();
    leave(scene, crew.last, "the steady readers").await;
    Ok(samples)
}

async fn leave(scene: &Scene, mut clients: JoinSet<()>, who: &str) {
    let all = async {
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended {
                scene.fault("a client", &anyhow!(error));
            }
        }
    };
    if timeout(LEAVING, all).await.is_err() {
        scene.fault(who, &anyhow!("{} do not end", clients.len()));
    }
}

async fn watch(
    server: &Server,
    scene: &Scene,
    time: Duration,
    looks: Looks,
) -> Result<Vec<Vitals>> {
    let begin = Instant::now();
    let mut ticks = interval_at(begin + looks.every, looks.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples: Vec<Vitals> = Vec::new();
    let mut told = (begin, server.processes.cpu()?);
    loop {
        let now = tokio::select! {
            now = ticks.tick() => now,
            () = tokio::time::sleep_until(begin + time) => return Ok(samples),
        };
        let vitals = Vitals::of(server).await.context("the gateway under load")?;
        if now - told.0 >= looks.told_every {
            let cpu = (vitals.cpu - told.1).as_secs_f64() / (now - told.0).as_secs_f64();
            println!("{:>5.0} s  {}", begin.elapsed().as_secs_f64(), line(scene, &vitals, cpu));
            told = (now, vitals.cpu);
        }
        samples.push(vitals);
    }
}

fn line(scene: &Scene, vitals: &Vitals, cpu: f64) -> String {
    let metric = |name| vitals.metric(name);
    format!(
        "CPU {:.0} %, RSS {}, {} fds, {} tasks; {} connections, {} subscriptions, {} topics known, {} sessions, {} ids, history {}; {} published, {} delivered, {} violations",
        cpu * 100.0,
        super::verdict::mib(vitals.memory),
        vitals.fds,
        metric(super::vitals::TASKS),
        metric("micro_socket_connections"),
        metric("micro_socket_subscriptions"),
        metric("micro_socket_topics_known"),
        metric("micro_socket_sessions"),
        metric("micro_socket_dedup_keys"),
        super::verdict::mib(metric("micro_socket_history_bytes") as u64),
        scene.tally.stored.get(),
        scene.tally.delivered.get(),
        scene.tally.faults.get(),
    )
}
