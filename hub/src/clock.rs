//! The monotonic clock of one gateway as a small number. Relies on tokio's clock, so that tests can
//! move it.

use std::time::Duration;
use tokio::time::Instant;

/// Microseconds since the gateway's clock began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// The moment `duration` later, in whole microseconds.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The moment that was `duration` before this one, or the clock's beginning.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(Self::default().after(duration).0))
    }
}

/// The origin of [`Micros`].
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// `moment` on this clock; a moment before the clock began counts as its beginning.
    #[must_use]
    pub fn at(&self, moment: Instant) -> Micros {
        Micros::default().after(moment.saturating_duration_since(self.0))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Micros {
        Micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}
