//! The service level over the last minute and the last hour: percentiles of the delivery latency,
//! and what was counted.
//!
//! Nothing is kept per event. Every few seconds the counters are copied; a window is the difference
//! between now and the copy that is about as old as the window, so a minute is up to 5 s longer
//! than its name, an hour up to a minute.

use crate::metrics::{Meter, histogram::Snapshot};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// From one copy to the next.
const TICK: Duration = Duration::from_secs(5);
const TICKS_PER_MINUTE: usize = 12;
const MINUTES: usize = 60;

/// The counters as they were.
#[derive(Debug, Clone)]
struct Copy {
    latency: Snapshot,
    published: u64,
    delivered: u64,
    duplicates: u64,
    replayed: u64,
    slow_consumers: u64,
}

impl Copy {
    fn of(meter: &Meter) -> Arc<Self> {
        Arc::new(Self {
            latency: meter.latency.snapshot(),
            published: meter.published.sum(),
            delivered: meter.delivered.sum(),
            duplicates: meter.duplicates.sum(),
            replayed: meter.replayed.sum(),
            slow_consumers: meter.slow_consumers(),
        })
    }
}

/// What happened in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// From a publish to the socket of a subscriber, for each delivery.
    pub latency: Snapshot,
    /// Publishes that were stored.
    pub published: u64,
    /// Messages handed to sockets, one for each subscriber.
    pub delivered: u64,
    /// Publishes that were repeats.
    pub duplicates: u64,
    /// Messages handed out again, to clients that catch up.
    pub replayed: u64,
    /// Connections that were closed because they read too slowly.
    pub slow_consumers: u64,
}

impl Window {
    fn between(then: &Copy, now: &Copy) -> Self {
        Self {
            latency: now.latency.since(&then.latency),
            published: now.published - then.published,
            delivered: now.delivered - then.delivered,
            duplicates: now.duplicates - then.duplicates,
            replayed: now.replayed - then.replayed,
            slow_consumers: now.slow_consumers - then.slow_consumers,
        }
    }

    /// Whether 99 of 100 deliveries took no longer than `target`; also true without deliveries.
    #[must_use]
    pub(crate) fn meets(&self, target: Duration) -> bool {
        self.latency.quantile(0.99).is_none_or(|p99| p99 <= target)
    }
}

/// Follows the counters of a gateway.
#[derive(Debug)]
pub(crate) struct Slo {
    meter: Arc<Meter>,
    copies: Mutex<Copies>,
}

/// Oldest first; the oldest of each is the window's beginning.
#[derive(Debug)]
struct Copies {
    of_minute: VecDeque<Arc<Copy>>,
    of_hour: VecDeque<Arc<Copy>>,
    ticks: usize,
}

impl Slo {
    /// Its windows begin now.
    #[must_use]
    pub(crate) fn new(meter: Arc<Meter>) -> Self {
        let start = Copy::of(&meter);
        let copies =
            Copies { of_minute: [start.clone()].into(), of_hour: [start].into(), ticks: 0 };
        Self { meter, copies: Mutex::new(copies) }
    }

    /// Moves the windows, for ever. Cancel-safe.
    pub(crate) async fn follow(&self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is immediate.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.tick();
        }
    }

    fn tick(&self) {
        let copy = Copy::of(&self.meter);
        let mut copies = self.copies.lock();
        copies.ticks += 1;
        if copies.ticks.is_multiple_of(TICKS_PER_MINUTE) {
            push(&mut copies.of_hour, copy.clone(), MINUTES);
        }
        push(&mut copies.of_minute, copy, TICKS_PER_MINUTE);
    }

    /// The last minute, or the time since the start if that is shorter.
    #[must_use]
    pub(crate) fn minute(&self) -> Window {
        self.window(|copies| &copies.of_minute)
    }

    /// The last hour, or the time since the start if that is shorter.
    #[must_use]
    pub(crate) fn hour(&self) -> Window {
        self.window(|copies| &copies.of_hour)
    }

    fn window(&self, of: fn(&Copies) -> &VecDeque<Arc<Copy>>) -> Window {
        let then = of(&self.copies.lock()).front().cloned();
        // Taken after the earlier one, so that no count can be smaller.
        let now = Copy::of(&self.meter);
        Window::between(then.as_ref().unwrap_or(&now), &now)
    }
}

/// Keeps the `windows` latest beginnings of a tick, and the one before them.
fn push(copies: &mut VecDeque<Arc<Copy>>, copy: Arc<Copy>, windows: usize) {
    copies.push_back(copy);
    if copies.len() > windows + 1 {
        copies.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub::Observer;
    use protocol::AckStatus;

    #[test]
    fn a_minute_forgets_what_the_hour_remembers() {
        let meter = Arc::new(Meter::default());
        let slo = Slo::new(meter.clone());
        meter.count_publish(AckStatus::Ok);
        meter.count_deliveries(5, Duration::from_secs(2));
        (0..TICKS_PER_MINUTE).for_each(|_| slo.tick());
        assert_eq!(
            (slo.minute().published, slo.minute().delivered),
            (1, 5),
            "still within the minute"
        );
        slo.tick();
        assert_eq!((slo.minute().published, slo.minute().delivered), (0, 0));
        assert_eq!((slo.hour().published, slo.hour().delivered), (1, 5));
        (0..MINUTES * TICKS_PER_MINUTE).for_each(|_| slo.tick());
        assert_eq!(slo.hour().delivered, 0);
    }

    #[test]
    fn the_target_is_for_99_of_100() {
        let meter = Arc::new(Meter::default());
        let slo = Slo::new(meter.clone());
        assert!(slo.minute().meets(Duration::ZERO), "nothing was late");
        meter.count_deliveries(990, Duration::from_millis(10));
        meter.count_deliveries(10, Duration::from_millis(500));
        assert!(slo.minute().meets(Duration::from_millis(50)));
        meter.count_deliveries(1, Duration::from_millis(500));
        assert!(!slo.minute().meets(Duration::from_millis(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_windows_move_with_the_clock() {
        let meter = Arc::new(Meter::default());
        let slo = Slo::new(meter.clone());
        meter.count_publish(AckStatus::Duplicate);
        let _timeout = tokio::time::timeout(Duration::from_secs(59), slo.follow()).await;
        assert_eq!(slo.minute().duplicates, 1);
        let _timeout = tokio::time::timeout(Duration::from_secs(66), slo.follow()).await;
        assert_eq!((slo.minute().duplicates, slo.hour().duplicates), (0, 1));
    }
}
