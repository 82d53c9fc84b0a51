//! When a token stops being good, by two clocks. The monotonic one stands still while the machine
//! is suspended; the wall clock goes on, but can be set. Whichever gets there first ends the token.

use crate::wall_clock::unix_time;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The end of a token, the configured leeway included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// On the monotonic clock.
    pub instant: Instant,
    /// On the wall clock, in seconds since 1970, rounded up.
    pub unix_seconds: u32,
}

impl Expiry {
    /// `left` from now. `None`: later than a clock can tell.
    #[must_use]
    pub fn after(left: Duration) -> Option<Self> {
        let wall = unix_time(SystemTime::now()).checked_add(left)?;
        let whole_seconds = wall.as_secs() + u64::from(wall.subsec_nanos() > 0);
        Some(Self {
            instant: Instant::now().checked_add(left)?,
            unix_seconds: u32::try_from(whole_seconds).ok()?,
        })
    }
}
