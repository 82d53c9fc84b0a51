//! Durations by size, in buckets that grow with them: 16 to each doubling, so that a value is known
//! to 6.25 % from a microsecond to a minute, in 3 KiB. Everything longer counts as the longest.
//!
//! A bucket takes the values above the one before it and up to its own bound, as Prometheus counts.

use super::{exposition::Buckets, sharded::shard};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Buckets to each doubling, as a power of two.
const FINENESS: u32 = 4;
const PER_DOUBLING: u64 = 1 << FINENESS;

/// Durations up to 2^26 µs, about 67 s, are told apart.
const DOUBLINGS: u32 = 26;
const BUCKETS: usize = ((DOUBLINGS - FINENESS + 1) as usize) << FINENESS;

/// Threads mostly add to different ones.
const SHARDS: usize = 4;

/// What all threads add to.
pub struct Histogram([Shard; SHARDS]);

#[repr(align(128))]
struct Shard {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Shard {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            micros: AtomicU64::new(0),
        }))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("count", &self.snapshot().count()).finish_non_exhaustive()
    }
}

impl Histogram {
    /// Counts `times` things that took this long.
    pub fn record(&self, duration: Duration, times: u64) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let shard = &self.0[shard() % SHARDS];
        shard.buckets[bucket(micros)].fetch_add(times, Relaxed);
        shard.micros.fetch_add(micros.saturating_mul(times), Relaxed);
    }

    /// The counts at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let sum = |at: usize| self.0.iter().map(|shard| shard.buckets[at].load(Relaxed)).sum();
        Snapshot {
            counts: (0..BUCKETS).map(sum).collect(),
            micros: self.0.iter().map(|shard| shard.micros.load(Relaxed)).sum(),
        }
    }
}

fn bucket(micros: u64) -> usize {
    // A bucket's bound belongs to it.
    let value = micros.saturating_sub(1);
    if value < PER_DOUBLING {
        return value as usize;
    }
    let doubling = value.ilog2() - FINENESS;
    let within = (value >> doubling) - PER_DOUBLING;
    let at = (u64::from(doubling) + 1) * PER_DOUBLING + within;
    (at as usize).min(BUCKETS - 1)
}

/// The largest value of a bucket, in microseconds.
fn bound(bucket: usize) -> u64 {
    let (doubling, within) = (bucket as u64 / PER_DOUBLING, bucket as u64 % PER_DOUBLING);
    if doubling == 0 { within + 1 } else { (PER_DOUBLING + within + 1) << (doubling - 1) }
}

/// The counts of a histogram at one moment, or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    counts: Box<[u64]>,
    micros: u64,
}

impl Snapshot {
    /// How many things were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What was counted after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self
            .counts
            .iter()
            .zip(&earlier.counts)
            .map(|(now, then)| now.saturating_sub(*then))
            .collect();
        Self { counts, micros: self.micros.saturating_sub(earlier.micros) }
    }

    /// What this share of all did not exceed, rounded up to a bucket's bound. `None`: nothing was
    /// counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let at = self.counts.iter().position(|n| {
            seen += n;
            seen >= rank
        })?;
        Some(Duration::from_micros(bound(at)))
    }

    /// For Prometheus: one bucket to each doubling from 16 µs on.
    #[must_use]
    pub fn buckets(&self) -> Buckets {
        let mut below = 0;
        let per_doubling =
            self.counts.chunks(PER_DOUBLING as usize).enumerate().map(|(at, counts)| {
                below += counts.iter().sum::<u64>();
                (bound((at + 1) * PER_DOUBLING as usize - 1) as f64 / 1e6, below)
            });
        // The last one holds everything longer too: its bound is infinity.
        let mut upper_bounds: Vec<(f64, u64)> = per_doubling.collect();
        upper_bounds.pop();
        Buckets { upper_bounds, count: self.count(), sum: self.micros as f64 / 1e6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_bucket_begins_where_the_one_before_it_ends() {
        for at in 0..BUCKETS {
            assert_eq!(bucket(bound(at)), at);
            assert_eq!(bucket(bound(at) + 1), (at + 1).min(BUCKETS - 1));
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn quantiles_of_known_values() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        for millis in 1..=1000 {
            histogram.record(Duration::from_millis(millis), 1);
        }
        for (share, exact) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = histogram.snapshot().quantile(share).unwrap().as_secs_f64() * 1e3;
            assert!((exact..=exact * 1.07).contains(&found), "{share}: {found}");
        }
    }

    #[test]
    fn a_window_holds_only_what_came_in_it() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(1), 7);
        let before = histogram.snapshot();
        histogram.record(Duration::from_millis(1), 5);
        let window = histogram.snapshot().since(&before);
        assert_eq!(
            (window.count(), window.quantile(0.999)),
            (5, Some(Duration::from_micros(bound(bucket(1000)))))
        );
    }

    proptest! {
        #[test]
        fn a_value_is_rounded_up_by_little(micros in 1..1u64 << DOUBLINGS) {
            let rounded = bound(bucket(micros));
            prop_assert!(rounded >= micros && (rounded - micros) as f64 <= micros as f64 / 16.0);
        }

        #[test]
        fn prometheus_buckets_hold_what_is_at_or_below_their_bound(values in prop::collection::vec(0u64..200_000_000, 0..50)) {
            let histogram = Histogram::default();
            for value in &values {
                histogram.record(Duration::from_micros(*value), 1);
            }
            let buckets = histogram.snapshot().buckets();
            prop_assert_eq!(buckets.count, values.len() as u64);
            for (bound, count) in buckets.upper_bounds {
                prop_assert_eq!(count, values.iter().filter(|value| **value as f64 / 1e6 <= bound).count() as u64, "{}", bound);
            }
        }
    }
}
