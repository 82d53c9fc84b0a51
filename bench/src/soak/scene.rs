//! What all clients of one stage share: the gateway's address, the counts, the violations, and the
//! signal to leave.

use super::{
    limits::{DEDUP_KEYS, SESSIONS},
    tally::Tally,
};
use fastrand::Rng;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// Further violations are counted, but not kept.
const KEPT: usize = 50;

/// After this many departures, every session that waits may have been dropped.
const REMEMBERED: usize = SESSIONS;

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) address: SocketAddr,
    /// A prefix of all names, so that stages share no user, topic or message id.
    pub(super) name: &'static str,
    /// 1 is the normal load.
    pub(super) rate: f64,
    pub(super) tally: Tally,
    faults: RefCell<Vec<String>>,
    seed: u64,
    clients: Cell<u64>,
    heads: RefCell<HashMap<String, u64>>,
    /// The times of the last departures from a session.
    departures: RefCell<VecDeque<Instant>>,
    stop: watch::Sender<bool>,
    last_call: watch::Sender<bool>,
}

impl Scene {
    pub(super) fn new(address: SocketAddr, name: &'static str, seed: u64, rate: f64) -> Self {
        Self {
            address,
            name,
            rate,
            tally: Tally::default(),
            faults: RefCell::default(),
            seed,
            clients: Cell::new(0),
            heads: RefCell::default(),
            departures: RefCell::default(),
            stop: watch::Sender::new(false),
            last_call: watch::Sender::new(false),
        }
    }

    /// Random numbers for one more client: the same in each run with the same seed.
    pub(super) fn chance(&self) -> Rng {
        self.clients.set(self.clients.get() + 1);
        Rng::with_seed(
            self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.clients.get()),
        )
    }

    /// Records a violation.
    pub(super) fn fault(&self, who: &str, what: &anyhow::Error) {
        self.tally.faults.add(1);
        let text = format!("{who}: {what:#}");
        eprintln!("fault: {text}");
        let mut faults = self.faults.borrow_mut();
        if faults.len() < KEPT {
            faults.push(text);
        }
    }

    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.borrow().clone()
    }

    /// A topic that is published to all the time.
    pub(super) fn topic(&self, index: usize) -> String {
        format!("{}.steady.{index}", self.name)
    }

    /// The topic with the large messages.
    pub(super) fn bulk(&self) -> String {
        format!("{}.bulk", self.name)
    }

    /// Records that a publish was acknowledged with this number.
    pub(super) fn acknowledged(&self, topic: &str, seq_no: u64) {
        let mut heads = self.heads.borrow_mut();
        match heads.get_mut(topic) {
            Some(head) => *head = seq_no.max(*head),
            None => drop(heads.insert(topic.to_owned(), seq_no)),
        }
    }

    /// The highest acknowledged number of the topic.
    pub(super) fn head(&self, topic: &str) -> u64 {
        self.heads.borrow().get(topic).copied().unwrap_or_default()
    }

    /// Records that a client is about to leave its session.
    pub(super) fn departs(&self) {
        self.tally.left.add(1);
        let mut departures = self.departures.borrow_mut();
        departures.push_back(Instant::now());
        if departures.len() > REMEMBERED {
            departures.pop_front();
        }
    }

    /// Whether a session that was left at `since` may have been dropped for later ones: the oldest
    /// is dropped first. The gateway may notice the end of a connection before one that was cut
    /// earlier, hence the tolerance of a second; and half of the limit is reserved for half-open
    /// connections.
    pub(super) fn may_be_pushed_out(&self, since: Instant) -> bool {
        let begin = since - Duration::from_secs(1);
        self.departures.borrow().iter().rev().take_while(|at| **at >= begin).count() > SESSIONS / 2
    }

    /// Whether a message id must still be remembered that was claimed when `stored_then` messages
    /// had been stored. Publishes without an answer yet are not counted: half of the limit is
    /// reserved for them.
    pub(super) fn is_remembered(&self, stored_then: u64) -> bool {
        self.tally.stored.get() - stored_then < DEDUP_KEYS / 2
    }

    /// Tells all clients but the steady readers to leave.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Nothing more is published: the steady readers leave as well, once they have everything.
    pub(super) fn last_call(&self) {
        self.last_call.send_replace(true);
    }

    pub(super) async fn stopped(&self) {
        reached(&self.stop).await;
    }

    pub(super) async fn last_called(&self) {
        reached(&self.last_call).await;
    }

    pub(super) fn goes_on(&self) -> bool {
        !*self.stop.borrow()
    }

    /// Waits. False: it is time to leave.
    pub(super) async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => true,
            () = self.stopped() => false,
        }
    }

    /// Waits between half of `time` and one and a half of it.
    pub(super) async fn pause_about(&self, chance: &mut Rng, time: Duration) -> bool {
        self.pause(time.mul_f64(0.5 + chance.f64())).await
    }
}

async fn reached(flag: &watch::Sender<bool>) {
    // `self` owns the sender, so it is not dropped meanwhile.
    let _ = flag.subscribe().wait_for(|flag| *flag).await;
}
