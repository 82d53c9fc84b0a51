//! How long to wait before the next connection: exponential backoff with full jitter.

use protocol::CloseCode;
use std::time::Duration;

/// The upper limit of the first wait; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);
/// The limit does not rise above this.
const GREATEST: Duration = Duration::from_secs(30);
/// After 1001 all clients of a gateway connect again at once: they spread over at least this.
const SPREAD: Duration = Duration::from_secs(5);
/// A connection that was ready for this long was good: the next wait begins anew.
const GOOD: Duration = Duration::from_secs(10);

/// The attempts since the last good connection.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The wait after a connection that was `ready_for` so long and ended by `code`. `chance`,
    /// from 0 to 1, selects a time between none and the limit.
    pub(super) fn next(
        &mut self,
        ready_for: Option<Duration>,
        code: Option<u16>,
        chance: f64,
    ) -> Duration {
        if ready_for.is_some_and(|time| time >= GOOD) {
            self.attempts = 0;
        }
        let doubled = FIRST.saturating_mul(1 << self.attempts.min(16)).min(GREATEST);
        self.attempts = self.attempts.saturating_add(1);
        let limit = match code.and_then(CloseCode::from_number) {
            Some(CloseCode::GoingAway) => doubled.max(SPREAD),
            _ => doubled,
        };
        limit.mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_limit_and_chance_takes_any_part_of_them() {
        let mut backoff = Backoff::default();
        let mut next = |chance| backoff.next(None, None, chance).as_millis();
        assert_eq!([next(1.0), next(1.0), next(0.5), next(0.0)], [500, 1000, 1000, 0]);
        for _ in 0..40 {
            next(1.0);
        }
        assert_eq!(next(1.0), 30_000);
    }

    #[test]
    fn only_a_connection_that_lasted_resets_them() {
        let mut backoff = Backoff::default();
        let mut next = |ready| backoff.next(Some(Duration::from_secs(ready)), None, 1.0);
        assert_eq!([next(0), next(9), next(10)].map(|wait| wait.as_millis()), [500, 1000, 500]);
    }
}
