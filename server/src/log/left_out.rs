//! What the log tells of itself: that it has left lines out.

use super::repeats::Repeats;
use std::time::Duration;

/// How often it tells, if there is anything to tell.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Of lines that are never left out themselves.
pub(super) const TARGET: &str = "micro_socket::log";

/// How often each line was left out as a repeat since this was told last.
pub(super) fn tell_repeats(repeats: &Repeats) {
    for (message, count) in repeats.take() {
        tracing::warn!(target: TARGET, count, of = message, "repeats of a line were left out");
    }
}

/// Lines were lost since this was told last, because they were not written as fast as they came.
pub(super) fn tell_dropped(count: u64) {
    tracing::warn!(target: TARGET, count, "lines of the log were dropped: they came faster than they were written, or could not be written");
}
