//! All connections: how many there may be, and the heartbeat that finds the dead ones.
//!
//! No timer per connection: a hand goes round a dial of slots, twice in each ping interval, and visits the connections of one
//! slot at a time. A connection is put where the hand has just been, so that its first visit is half an interval away.

use super::Connection;
use crate::auth::unix_time;
use parking_lot::Mutex;
use protocol::CloseCode;
use slab::Slab;
use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};
use tokio::time::{MissedTickBehavior, interval};

const SLOTS: usize = 32;

// Two ping intervals of silence are four rounds, found half an interval late at most.
const _: () = assert!(5 * SLOTS < 256, "ticks are counted modulo 256");

/// The hand does not move more often than this; with a shorter ping interval it uses fewer slots.
const SHORTEST_TICK: Duration = Duration::from_millis(5);

/// All connections of one gateway.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    /// From one address; 0: no limit.
    limit_per_address: usize,
    count: AtomicUsize,
    /// Used where there is a limit for each.
    by_address: Mutex<HashMap<IpAddr, usize>>,
    slots: [Mutex<Slab<Arc<Connection>>>; SLOTS],
    /// The slot that was visited last.
    hand: AtomicUsize,
    /// How often the hand has moved, modulo 256: the time in which a client's silence is measured.
    ticks: AtomicU8,
}

/// A place among the connections; given back when it is dropped. Small, since each connection's task holds one: there are 32 slots
/// and at most 10 million connections (`limits.max_connections`).
#[derive(Debug)]
pub(super) struct Place<'a> {
    connections: &'a Connections,
    slot: u8,
    key: u32,
    address: IpAddr,
}

impl Connections {
    pub(crate) fn new(limit: usize, limit_per_address: usize) -> Self {
        Self {
            limit,
            limit_per_address,
            count: AtomicUsize::new(0),
            by_address: Mutex::default(),
            slots: std::array::from_fn(|_| Mutex::default()),
            hand: AtomicUsize::new(0),
            ticks: AtomicU8::new(0),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `None`: there are as many as there may be, in all or from this address.
    pub(super) fn add(&self, connection: Arc<Connection>, address: IpAddr) -> Option<Place<'_>> {
        if self.count.fetch_add(1, Relaxed) >= self.limit || !self.take_of(address) {
            self.count.fetch_sub(1, Relaxed);
            return None;
        }
        connection.heard(self.tick());
        let slot = self.hand.load(Relaxed);
        let key = self.slots[slot].lock().insert(connection);
        Some(Place { connections: self, slot: slot as u8, key: key as u32, address })
    }

    /// False: the address has as many as it may.
    fn take_of(&self, address: IpAddr) -> bool {
        if self.limit_per_address == 0 {
            return true;
        }
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(address).or_default();
        let is_free = *count < self.limit_per_address;
        *count += usize::from(is_free);
        is_free
    }

    fn give_back(&self, address: IpAddr) {
        if self.limit_per_address > 0
            && let Entry::Occupied(mut entry) = self.by_address.lock().entry(address)
        {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    /// How often the hand has moved, modulo 256.
    pub(super) fn tick(&self) -> u8 {
        self.ticks.load(Relaxed)
    }

    /// Visits every connection twice in each `ping` interval, for ever. Cancel-safe.
    pub(crate) async fn keep_alive(&self, ping: Duration) {
        let round = ping / 2;
        let slots = (round.as_micros() / SHORTEST_TICK.as_micros()).clamp(1, SLOTS as u128) as usize;
        let mut ticks = interval(round / slots as u32);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for slot in (0..slots).cycle() {
            ticks.tick().await;
            let now = self.ticks.fetch_add(1, Relaxed).wrapping_add(1);
            let wall = unix_time(SystemTime::now()).as_secs();
            for connection in self.of_slot(slot) {
                connection.beat(now, slots as u8, wall);
            }
            self.hand.store(slot, Relaxed);
            tokio::task::yield_now().await;
        }
    }

    /// Those that there are now.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        (0..SLOTS).flat_map(|slot| self.of_slot(slot)).collect()
    }

    /// Bytes that wait for all clients together. Looks at every connection.
    pub(crate) fn waiting_bytes(&self) -> usize {
        (0..SLOTS).flat_map(|slot| self.of_slot(slot)).map(|connection| connection.waiting()).sum()
    }

    /// Closes every connection.
    pub(crate) fn close_all(&self, code: CloseCode) {
        for connection in self.all() {
            connection.close(code, code.meaning());
        }
    }

    /// A copy: a visit may write to a socket, and nobody should wait for that to open a connection.
    fn of_slot(&self, slot: usize) -> Vec<Arc<Connection>> {
        self.slots[slot].lock().iter().map(|(_, connection)| connection.clone()).collect()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.slots[usize::from(self.slot)].lock().remove(self.key as usize);
        self.connections.give_back(self.address);
        self.connections.count.fetch_sub(1, Relaxed);
    }
}
