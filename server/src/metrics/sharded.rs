//! A counter that many threads add to without passing a cache line around.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// More threads than this share cells.
pub(crate) const SHARDS: usize = 8;

/// One cache line, and the one that is fetched with it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell128(AtomicU64);

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Sharded([Cell128; SHARDS]);

/// The cell of this thread.
pub(crate) fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS);
    }
    MINE.get()
}

impl Sharded {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0[shard()].0.fetch_add(n, Relaxed);
    }

    /// The sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|cell| cell.0.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_among_threads() {
        let counter = Sharded::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..1000).for_each(|_| counter.add(3)));
            }
        });
        assert_eq!(counter.sum(), 2 * SHARDS as u64 * 3000);
    }
}
