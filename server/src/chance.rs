//! Random numbers that decide when something happens or what it is called. A simulated schedule draws
//! them from its seed, so that it runs the same again.

use rand::{
    Rng, RngCore,
    distr::{Distribution, StandardUniform},
};
use std::time::Duration;

/// A random value.
pub(crate) fn draw<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    with(|random| random.random())
}

/// A part of `time` between `least` of it and all of it.
pub(crate) fn part_of(time: Duration, least: f64) -> Duration {
    time.mul_f64(with(|random| random.random_range(least..=1.0)))
}

fn with<T>(act: impl FnOnce(&mut dyn RngCore) -> T) -> T {
    #[cfg(test)]
    if let Some(mut random) = FIXED.take() {
        let drawn = act(&mut random);
        FIXED.set(Some(random));
        return drawn;
    }
    act(&mut rand::rng())
}

#[cfg(test)]
thread_local! {
    static FIXED: std::cell::Cell<Option<rand::rngs::StdRng>> = const { std::cell::Cell::new(None) };
}

/// From now on, what this thread draws follows from `seed`.
#[cfg(test)]
pub(crate) fn follow(seed: u64) {
    FIXED.set(Some(rand::SeedableRng::seed_from_u64(seed)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_seed_is_drawn_again() {
        let some = || (draw::<u64>(), part_of(Duration::from_secs(1), 0.5), draw::<[u8; 16]>());
        follow(1);
        let first = some();
        follow(1);
        assert_eq!(some(), first);
        assert_ne!(some(), first);
        assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&first.1));
    }
}
