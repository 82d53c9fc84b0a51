//! The wall clock, which can be set while the process runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Since 1970; a clock that shows an earlier time is taken to be at its beginning.
pub(crate) fn unix_time(wall: SystemTime) -> Duration {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default()
}
