//! A token bucket: so many a second on average, and a burst at once.

use hub::clock::Micros;
use std::time::Duration;

/// What a bucket allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// In a second; 0: no limit.
    pub(crate) per_second: usize,
    /// At once.
    pub(crate) burst: usize,
}

/// How much of a [`Rate`] is used up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// What was taken and has not come back yet.
    taken: f64,
    at: Micros,
}

impl Bucket {
    /// How many may be taken now.
    pub(crate) fn available(&mut self, rate: Rate, now: Micros) -> usize {
        if rate.per_second == 0 {
            return usize::MAX;
        }
        let back = now.0.saturating_sub(self.at.0) as f64 * rate.per_second as f64 / 1e6;
        self.taken = (self.taken - back).max(0.0);
        self.at = now;
        (rate.burst as f64 - self.taken).max(0.0) as usize
    }

    /// Takes `count`, which have to be available.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count as f64;
    }

    /// How long until `count` are available, counted from when that was asked last.
    pub(crate) fn wait(&self, rate: Rate, count: usize) -> Duration {
        let missing = self.taken + count as f64 - rate.burst as f64;
        Duration::from_secs_f64((missing / rate.per_second.max(1) as f64).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate { per_second: 10, burst: 3 };
        let (mut bucket, second) =
            (Bucket::default(), |seconds: f64| Micros((seconds * 1e6) as u64));
        assert_eq!(bucket.available(rate, second(5.0)), 3);
        bucket.take(3);
        assert_eq!(bucket.available(rate, second(5.0)), 0);
        assert_eq!(bucket.wait(rate, 1), Duration::from_millis(100));
        assert_eq!(bucket.available(rate, second(5.25)), 2);
        bucket.take(2);
        assert_eq!(bucket.available(rate, second(5.26)), 0);
        assert_eq!(bucket.available(rate, second(50.0)), 3, "no more than the burst");
        assert_eq!(bucket.available(Rate { per_second: 0, burst: 0 }, second(50.0)), usize::MAX);
    }
}
