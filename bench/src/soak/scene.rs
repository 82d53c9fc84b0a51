//! What all clients of one stage share: where the gateway is, what they count, what they found
//! wrong, and when it is time to leave.

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

/// More faults than these are counted, but not kept.
const KEPT: usize = 50;

/// More departures than these push out every session that waits.
const REMEMBERED: usize = SESSIONS;

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) address: SocketAddr,
    /// In front of all names, so that stages share no user, topic or message id.
    pub(super) name: &'static str,
    /// 1 is the load that was measured.
    pub(super) rate: f64,
    pub(super) tally: Tally,
    faults: RefCell<Vec<String>>,
    seed: u64,
    clients: Cell<u64>,
    heads: RefCell<HashMap<String, u64>>,
    /// When sessions were left, the last ones.
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

    /// Chance for one client more: the same in each run with the same seed.
    pub(super) fn chance(&self) -> Rng {
        self.clients.set(self.clients.get() + 1);
        Rng::with_seed(
            self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.clients.get()),
        )
    }

    /// The gateway did something that it must not do.
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

    /// A publish was acknowledged at this number.
    pub(super) fn acknowledged(&self, topic: &str, seq_no: u64) {
        let mut heads = self.heads.borrow_mut();
        match heads.get_mut(topic) {
            Some(head) => *head = seq_no.max(*head),
            None => drop(heads.insert(topic.to_owned(), seq_no)),
        }
    }

    /// The highest number of the topic that was acknowledged.
    pub(super) fn head(&self, topic: &str) -> u64 {
        self.heads.borrow().get(topic).copied().unwrap_or_default()
    }

    /// A session is about to be left.
    pub(super) fn departs(&self) {
        self.tally.left.add(1);
        let mut departures = self.departures.borrow_mut();
        departures.push_back(Instant::now());
        if departures.len() > REMEMBERED {
            departures.pop_front();
        }
    }

    /// Whether a session that was left then may be pushed out by those that were left since: the
    /// oldest goes first. The gateway may see one end of a line before another that was cut
    /// earlier, hence the second; and half of the limit is left for half-open lines.
    pub(super) fn may_be_pushed_out(&self, since: Instant) -> bool {
        let begin = since - Duration::from_secs(1);
        self.departures.borrow().iter().rev().take_while(|at| **at >= begin).count() > SESSIONS / 2
    }

    /// Whether a message id must still be known that was claimed when so many messages had been
    /// stored. Publishes that are not answered yet are not counted: half of the limit is left
    /// for them.
    pub(super) fn is_remembered(&self, stored_then: u64) -> bool {
        self.tally.stored.get() - stored_then < DEDUP_KEYS / 2
    }

    /// Everybody but the steady readers is to leave.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Nothing more is published: the steady readers are to leave as well, once they have
    /// everything.
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

    /// Between half of it and one and a half.
    pub(super) async fn pause_about(&self, chance: &mut Rng, time: Duration) -> bool {
        self.pause(time.mul_f64(0.5 + chance.f64())).await
    }
}

async fn reached(flag: &watch::Sender<bool>) {
    // The sender is ours: it is not dropped meanwhile.
    let _ = flag.subscribe().wait_for(|flag| *flag).await;
}
