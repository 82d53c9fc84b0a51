//! What all clients of the fleet share: where the gateways are, what was acknowledged, what went
//! wrong.

use crate::socket::{Arrival, Socket};
use fastrand::Rng;
use protocol::{ClientFrame, Ready, ServerFrame, Setup};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// The topics of the fleet.
pub(super) const TOPICS: usize = 6;
/// How long a client waits for a gateway, which may be stopped or cut off, before it tries another.
pub(super) const PATIENCE: Duration = Duration::from_secs(6);
/// Violations that the report shows.
const KEPT: usize = 20;

pub(super) fn topic(index: usize) -> String {
    format!("fleet.{index}")
}

/// Counts of what has happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: Cell<u64>,
    pub(super) unavailable: Cell<u64>,
    pub(super) delivered: Cell<u64>,
    pub(super) resumed: Cell<u64>,
    pub(super) positions: Cell<u64>,
    pub(super) taken_over: Cell<u64>,
    pub(super) losses: Cell<u64>,
    pub(super) refused: Cell<u64>,
}

pub(super) fn add(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) gateways: Vec<SocketAddr>,
    pub(super) tally: Tally,
    /// The last number of each publisher in each topic that was acknowledged.
    pub(super) acknowledged: RefCell<HashMap<(String, u32), u64>>,
    violations: RefCell<Vec<String>>,
    /// Data was taken from the servers: losses may be told.
    pub(super) may_lose: Cell<bool>,
    seed: u64,
    clients: Cell<u64>,
    stage: watch::Sender<Stage>,
}

/// What the clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Publish and read.
    Traffic,
    /// Publish only what was not acknowledged yet, and read.
    LastMessages,
    /// Leave once everything was read.
    End,
}

impl Scene {
    pub(super) fn new(gateways: Vec<SocketAddr>, seed: u64) -> Self {
        Self {
            gateways,
            tally: Tally::default(),
            acknowledged: RefCell::default(),
            violations: RefCell::default(),
            may_lose: Cell::new(false),
            seed,
            clients: Cell::new(0),
            stage: watch::Sender::new(Stage::Traffic),
        }
    }

    /// Random numbers for one more client: the same in each run with the same seed.
    pub(super) fn chance(&self) -> Rng {
        add(&self.clients);
        Rng::with_seed(
            self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.clients.get()),
        )
    }

    pub(super) fn violation(&self, who: &str, what: impl std::fmt::Display) {
        let text = format!("{who}: {what}");
        eprintln!("violation: {text}");
        let mut violations = self.violations.borrow_mut();
        if violations.len() < KEPT {
            violations.push(text);
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.violations.borrow().clone()
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Waits until the stage is `stage` or a later one.
    pub(super) async fn reaches(&self, stage: Stage) {
        // `self` owns the sender, so it is not dropped meanwhile.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// A set-up connection to any gateway, with the frames before `ready`. `None`: it cannot serve
    /// now; a moment has passed.
    pub(super) async fn enter(&self, chance: &mut Rng, setup: &Setup<'_>) -> Option<Entered> {
        const PAUSE: Duration = Duration::from_millis(100);
        let address = self.gateways[chance.usize(..self.gateways.len())];
        let entered = timeout(PATIENCE, enter(address, setup)).await.ok().flatten();
        if entered.is_none() {
            sleep(PAUSE).await;
        }
        entered
    }
}

/// A connection, and the answers to its setup.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) socket: Socket,
    pub(super) answers: Vec<String>,
    pub(super) session: String,
    pub(super) resumed: Option<bool>,
}

async fn enter(address: SocketAddr, setup: &Setup<'_>) -> Option<Entered> {
    let mut socket = Socket::open(address, "/ws", None).await.ok()?;
    socket.say(&ClientFrame::Setup(setup.clone())).await.ok()?;
    let mut answers = Vec::new();
    loop {
        let Arrival::Text(text) = socket.next().await.ok()? else { return None };
        match ServerFrame::parse(&text) {
            Ok(ServerFrame::Ready(Ready { session_id, resumed, .. })) => {
                let session = session_id.into_owned();
                return Some(Entered { socket, answers, session, resumed });
            }
            // The sessions cannot be reached: no `ready` follows.
            Ok(ServerFrame::Error(failure)) if failure.topic.is_none() => return None,
            _ => answers.push(text),
        }
    }
}
