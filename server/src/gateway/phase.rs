//! How far a gateway is on its way from serving to its end.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// They follow each other in this order, and none comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// All is well.
    Serving,
    /// Everything works as before, but `/readyz` says no: load balancers send new clients
    /// elsewhere.
    Unready,
    /// No new connections and no publishes; what waits is delivered.
    Draining,
}

/// The phase at this moment.
#[derive(Debug)]
pub(super) struct Progress(AtomicU8);

impl Default for Progress {
    fn default() -> Self {
        Self(AtomicU8::new(Phase::Serving as u8))
    }
}

impl Progress {
    /// Goes on to `phase`; without effect if the gateway is there already, or further.
    pub(super) fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Relaxed);
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        self.0.load(Relaxed) >= phase as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phase_comes_back() {
        let progress = Progress::default();
        assert!(progress.has_reached(Phase::Serving) && !progress.has_reached(Phase::Unready));
        progress.advance(Phase::Draining);
        progress.advance(Phase::Unready);
        assert!(progress.has_reached(Phase::Unready) && progress.has_reached(Phase::Draining));
    }
}
