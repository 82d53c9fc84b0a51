//! All connections that are served, and the heartbeat that finds the dead ones.
//!
//! No timer per connection: a hand goes round a dial of slots, twice in each ping interval, and
//! visits the connections of one slot at a time. A connection is put where the hand has just been,
//! so that its first visit is half an interval away.

use crate::{connection::Connection, wall_clock::unix_time};
use parking_lot::Mutex;
use protocol::CloseCode;
use slab::Slab;
use std::{
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
#[derive(Debug, Default)]
pub(crate) struct Connections {
    count: AtomicUsize,
    slots: [Mutex<Slab<Arc<Connection>>>; SLOTS],
    /// The slot that was visited last.
    hand: AtomicUsize,
    /// How often the hand has moved, modulo 256: the time in which a client's silence is measured.
    ticks: AtomicU8,
}

/// A place among the connections; given back when it is dropped. Small, since each connection's
/// task holds one: there are 32 slots and at most 10 million connections
/// (`limits.max_connections`).
#[derive(Debug)]
pub(crate) struct Place<'a> {
    connections: &'a Connections,
    /// Slot and key in one: there is one for each connection.
    index: usize,
}

impl Connections {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// One more.
    pub(crate) fn add(&self, connection: Arc<Connection>) -> Place<'_> {
        self.count.fetch_add(1, Relaxed);
        connection.heard(self.tick());
        let slot = self.hand.load(Relaxed);
        let key = self.slots[slot].lock().insert(connection);
        Place { connections: self, index: key * SLOTS + slot }
    }

    /// How often the hand has moved, modulo 256.
    pub(crate) fn tick(&self) -> u8 {
        self.ticks.load(Relaxed)
    }

    /// Visits every connection twice in each `ping` interval, for ever. Cancel-safe.
    pub(crate) async fn keep_alive(&self, ping: Duration) {
        let round = ping / 2;
        let slots =
            (round.as_micros() / SHORTEST_TICK.as_micros()).clamp(1, SLOTS as u128) as usize;
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

    /// A copy: a visit may write to a socket, and opening a connection must not wait for that.
    fn of_slot(&self, slot: usize) -> Vec<Arc<Connection>> {
        self.slots[slot].lock().iter().map(|(_, connection)| connection.clone()).collect()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.slots[self.index % SLOTS].lock().remove(self.index / SLOTS);
        self.connections.count.fetch_sub(1, Relaxed);
    }
}
