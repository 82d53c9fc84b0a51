//! Warnings that repeat. What a client can cause over and over would fill the log and hide what
//! else is in it: of the warnings and errors from one place in the code some are logged at once,
//! then one in each [`INTERVAL`], and the others are counted.

use super::{left_out, line};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fmt::Debug,
    mem::take,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{
    Event, Level, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Lines of one place that may be logged at once.
const AT_ONCE: u32 = 10;

/// Once they are used up, one line in each.
const INTERVAL: Duration = Duration::from_secs(5);

/// Each place in the code that has logged a warning or an error.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats(Arc<Mutex<HashMap<Identifier, Place>>>);

#[derive(Debug)]
struct Place {
    message: String,
    /// When as many lines as may be logged at once are free again.
    rested: Instant,
    left_out: u64,
}

impl Place {
    /// Whether a line of `now` is logged.
    fn admits(&mut self, now: Instant) -> bool {
        let is_free = self.rested <= now + INTERVAL * (AT_ONCE - 1);
        if is_free {
            self.rested = self.rested.max(now) + INTERVAL;
        } else {
            self.left_out += 1;
        }
        is_free
    }
}

impl Repeats {
    /// The message of each line that was left out since the last call, and how often.
    pub(super) fn take(&self) -> Vec<(String, u64)> {
        let mut places = self.0.lock();
        let left_out = places.values_mut().filter(|place| place.left_out > 0);
        left_out.map(|place| (place.message.clone(), take(&mut place.left_out))).collect()
    }

    fn admit(&self, event: &Event<'_>, now: Instant) -> bool {
        let mut places = self.0.lock();
        let new = || Place { message: message(event), rested: now, left_out: 0 };
        places.entry(event.metadata().callsite()).or_insert_with(new).admits(now)
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::WARN
            || metadata.target() == left_out::TARGET
            || self.admit(event, Instant::now())
    }
}

fn message(event: &Event<'_>) -> String {
    struct Message(String);
    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                self.0 = line::value(value);
            }
        }
    }
    let mut message = Message(String::new());
    event.record(&mut message);
    message.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{debug, error, subscriber::with_default, warn};
    use tracing_subscriber::{layer::SubscriberExt, registry};

    #[test]
    fn some_at_once_then_one_in_each_interval() {
        let start = Instant::now();
        let mut place = Place { message: String::new(), rested: start, left_out: 0 };
        let mut admitted = |seconds: u64, times: usize| {
            (0..times).filter(|_| place.admits(start + Duration::from_secs(seconds))).count()
        };
        assert_eq!(
            [(0, 100), (4, 100), (5, 100), (9, 100), (10, 100)]
                .map(|(at, times)| admitted(at, times)),
            [10, 0, 1, 0, 1]
        );
        assert_eq!(
            [(1000, 3), (1001, 100)].map(|(at, times)| admitted(at, times)),
            [3, 7],
            "after a rest"
        );
        assert_eq!(place.left_out, 90 + 100 + 99 + 100 + 99 + 93);
    }

    #[test]
    fn each_place_counts_for_itself_and_what_is_no_warning_is_left_alone() {
        let repeats = Repeats::default();
        let logged = Arc::new(Mutex::new(0));
        let count = logged.clone();
        struct Count(Arc<Mutex<u32>>);
        impl<S: Subscriber> Layer<S> for Count {
            fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
                *self.0.lock() += 1;
            }
        }
        with_default(registry().with(repeats.clone()).with(Count(count)), || {
            for n in 0..20 {
                warn!(n, "a warning");
                error!(n, "an error");
                debug!(n, "no warning");
                warn!(target: left_out::TARGET, "about the log");
            }
        });
        assert_eq!(*logged.lock(), 10 + 10 + 20 + 20);
        let mut left_out = repeats.take();
        left_out.sort();
        assert_eq!(left_out, [("a warning".to_owned(), 10), ("an error".to_owned(), 10)]);
        assert_eq!(repeats.take(), []);
    }
}
