//! How often tokens of an address are refused. A table of fixed size, without a lock: an address
//! has a cell in each of two rows, and counts as one that fails too often only if both say so. Two
//! addresses that share both are taken for one.

use ahash::RandomState;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::Instant;

/// What failures are counted in.
const WINDOW: Duration = Duration::from_secs(60);
/// Of each row. Where 100 addresses fail at once, one innocent address of 1,700 is taken for one of
/// them.
const CELLS: usize = 4096;

pub(super) struct Failures {
    began: Instant,
    /// Nanoseconds that a failure counts for.
    each: u64,
    hashers: [RandomState; 2],
    /// Each cell is a moment: failures put it off by [`Failures::each`], and beyond the window
    /// there were too many.
    rows: [Box<[AtomicU64]>; 2],
}

impl Failures {
    /// Takes up to `limit` failures of an address in a minute.
    pub(super) fn new(limit: usize) -> Self {
        let row = || (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        Self {
            began: Instant::now(),
            each: nanos(WINDOW) / limit.max(1) as u64,
            hashers: [RandomState::new(), RandomState::new()],
            rows: [row(), row()],
        }
    }

    pub(super) fn count(&self, address: IpAddr) {
        let now = self.now();
        for cell in self.cells(address) {
            // Not far beyond the window: an address is forgiven within a minute.
            let later =
                |moment: u64| Some((moment.max(now) + self.each).min(now + 2 * nanos(WINDOW)));
            let _always = cell.fetch_update(Relaxed, Relaxed, later);
        }
    }

    /// Whether there were more than the limit.
    pub(super) fn are_too_many(&self, address: IpAddr) -> bool {
        let window_ends = self.now() + nanos(WINDOW);
        self.cells(address).all(|cell| cell.load(Relaxed) > window_ends)
    }

    fn cells(&self, address: IpAddr) -> impl Iterator<Item = &AtomicU64> {
        let network = network(address);
        self.rows
            .iter()
            .zip(&self.hashers)
            .map(move |(row, hasher)| &row[hasher.hash_one(network) as usize % CELLS])
    }

    fn now(&self) -> u64 {
        nanos(self.began.elapsed())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What one client holds: an IPv4 address, or the first half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn above_the_limit_and_until_they_stop() {
        let failures = Failures::new(3);
        let (bad, good) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for _ in 0..3 {
            failures.count(bad);
            assert!(!failures.are_too_many(bad));
        }
        failures.count(bad);
        assert!(failures.are_too_many(bad) && !failures.are_too_many(good));
        advance(WINDOW / 3).await;
        assert!(!failures.are_too_many(bad), "three in a minute are allowed");
        failures.count(bad);
        assert!(failures.are_too_many(bad));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_forgiven_within_a_minute() {
        let failures = Failures::new(3);
        (0..100_000).for_each(|_| failures.count(ip("192.0.2.1")));
        advance(WINDOW - Duration::from_millis(1)).await;
        assert!(failures.are_too_many(ip("192.0.2.1")));
        advance(Duration::from_millis(1)).await;
        assert!(!failures.are_too_many(ip("192.0.2.1")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_client_is_its_network() {
        let failures = Failures::new(1);
        failures.count(ip("2001:db8::1"));
        failures.count(ip("2001:db8::ffff:0:0:2"));
        assert!(
            failures.are_too_many(ip("2001:db8::3"))
                && !failures.are_too_many(ip("2001:db8:0:1::1"))
        );
        failures.count(ip("::ffff:192.0.2.1"));
        failures.count(ip("192.0.2.1"));
        assert!(failures.are_too_many(ip("192.0.2.1")) && !failures.are_too_many(ip("192.0.2.2")));
    }

    #[tokio::test(start_paused = true)]
    async fn many_bad_addresses_leave_the_others_alone() {
        let failures = Failures::new(1);
        let address = |n: u32| IpAddr::V4((0x0A00_0000 + n).into());
        for n in 0..100 {
            (0..2).for_each(|_| failures.count(address(n)));
        }
        assert!((0..100).all(|n| failures.are_too_many(address(n))));
        let taken_for_one = (100..10_100).filter(|n| failures.are_too_many(address(*n))).count();
        assert!(taken_for_one < 50, "{taken_for_one} of 10,000");
    }
}
