//! Whether and when the page reconnects after a connection has ended, by the protocol's table of
//! close codes.

use super::state::CloseInfo;
use protocol::{CloseCode, Reaction};
use std::time::Duration;

/// The upper limit of the first wait; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The limit does not rise above this.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// Whether to reconnect: the page did not close the connection itself, and its close code does not
/// say that a reconnection would fail in the same way.
pub(crate) fn should_reconnect(close: &CloseInfo) -> bool {
    !close.asked && CloseCode::reaction_to(close.code) == Reaction::BackOff
}

/// The wait before attempt `attempt`, counted from 1. `chance`, from 0 to 1, spreads the clients of
/// a stopped gateway over the second half of that time.
pub(super) fn delay(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(MAX_DELAY).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: u16) -> CloseInfo {
        CloseInfo { code, reason: String::new(), asked: false }
    }

    #[test]
    fn the_table_of_close_codes_decides() {
        for code in [1001, 1006, 1013, 4290, 4408, 4429, 4999] {
            assert!(should_reconnect(&ended(code)), "{code}");
        }
        for code in [1000, 1003, 1009, 4000, 4400, 4401, 4409, 4550] {
            assert!(!should_reconnect(&ended(code)), "{code}");
        }
        assert!(!should_reconnect(&CloseInfo { asked: true, ..ended(1006) }));
    }

    #[test]
    fn waits_grow_to_a_limit_and_are_spread() {
        let ms = |attempt, chance| delay(attempt, chance).as_millis();
        assert_eq!((ms(1, 0.0), ms(1, 1.0)), (250, 500));
        assert_eq!((ms(2, 1.0), ms(3, 1.0)), (1000, 2000));
        assert_eq!((ms(7, 1.0), ms(40, 1.0), ms(u32::MAX, 0.0)), (30_000, 30_000, 15_000));
    }
}
