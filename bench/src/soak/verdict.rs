//! When a gateway leaks.
//!
//! **At rest**: all clients have left and everything has expired. Its counters are zero, its file
//! descriptors and tasks are as many as before, and its memory is at most [`GROWTH`] and
//! [`ALLOWANCE`] above what it was at rest after the warm-up. (An allocator keeps some of what it
//! once had; how much depends on the moment of the highest load.)
//!
//! **Under load**: the median of the second half of the samples is at most [`GROWTH`] and
//! [`ALLOWANCE`] above that of the first.

use super::vitals::{TASKS, Vitals};

/// The share by which memory may differ between two times of the same load.
const GROWTH: f64 = 0.10;

/// A number of bytes by which it may differ in addition.
const ALLOWANCE: u64 = 4 * 1024 * 1024;

/// The readings that have grown, in words.
pub(super) fn leaks_at_rest(before: &Vitals, after: &Vitals) -> Vec<String> {
    let mut leaks = after.left_over();
    for (what, before, after) in [
        ("file descriptors", before.fds as f64, after.fds as f64),
        ("tasks", before.metric(TASKS), after.metric(TASKS)),
        ("threads", before.threads as f64, after.threads as f64),
    ] {
        if after > before || after.is_nan() {
            leaks.push(format!("{after} {what} at rest, {before} before"));
        }
    }
    leaks
}

/// Compares memory at rest after the warm-up and at the end.
pub(super) fn memory_leak(before: &Vitals, after: &Vitals) -> Option<String> {
    has_grown(before.memory, after.memory).then(|| {
        format!("{} of memory at rest, {} after the warm-up", mib(after.memory), mib(before.memory))
    })
}

/// Compares the samples of memory under load.
pub(super) fn trend(samples: &[u64]) -> Option<String> {
    let (first, second) = samples.split_at(samples.len() / 2);
    let (first, second) = (median(first)?, median(second)?);
    has_grown(first, second).then(|| {
        format!("{} of memory in the second half, {} in the first", mib(second), mib(first))
    })
}

fn has_grown(before: u64, after: u64) -> bool {
    after as f64 > before as f64 * (1.0 + GROWTH) + ALLOWANCE as f64
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// A size in MiB, for the report.
pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::vitals::EMPTY_AT_REST;

    const MIB: u64 = 1024 * 1024;

    fn vitals(memory: u64, fds: usize, tasks: f64) -> Vitals {
        let mut metrics: std::collections::HashMap<_, _> =
            EMPTY_AT_REST.iter().map(|name| ((*name).to_owned(), 0.0)).collect();
        metrics.insert(TASKS.to_owned(), tasks);
        Vitals { memory, fds, threads: 3, metrics, ..Vitals::default() }
    }

    #[test]
    fn what_is_not_given_back_is_found() {
        let before = vitals(40 * MIB, 12, 3.0);
        assert!(leaks_at_rest(&before, &vitals(40 * MIB, 12, 3.0)).is_empty());
        assert_eq!(
            leaks_at_rest(&before, &vitals(40 * MIB, 13, 3.0)),
            ["13 file descriptors at rest, 12 before"]
        );
        assert_eq!(
            leaks_at_rest(&before, &vitals(40 * MIB, 12, 4.0)),
            ["4 tasks at rest, 3 before"]
        );
        assert_eq!(leaks_at_rest(&before, &vitals(40 * MIB, 12, f64::NAN)).len(), 1);
        let threads = Vitals { threads: 4, ..vitals(40 * MIB, 12, 3.0) };
        assert_eq!(leaks_at_rest(&before, &threads).len(), 1);
    }

    #[test]
    fn memory_that_grows_is_found_at_rest_and_under_load() {
        let before = vitals(40 * MIB, 12, 3.0);
        assert_eq!(memory_leak(&before, &vitals(48 * MIB, 12, 3.0)), None);
        assert!(memory_leak(&before, &vitals(49 * MIB, 12, 3.0)).is_some());
        // A leak of 1 MiB a minute, sampled every 5 s for 20 minutes, below waves that are larger.
        let leaking: Vec<u64> = (0..240).map(|n| (40 + n % 7 + n / 12) * MIB).collect();
        assert!(trend(&leaking).is_some());
        let waves: Vec<u64> = (0..240).map(|n| (40 + n % 17) * MIB).collect();
        assert_eq!(trend(&waves), None);
        assert_eq!(trend(&[]), None);
    }
}
