//! How fast clients may catch up: `limits.replay_rate` and `limits.replay_bytes`, for a connection
//! and for all of a user's together. What a connection has used up stays so when it subscribes
//! anew; only time gives it back.

use crate::{
    bucket::{Bucket, Rate},
    config,
};
use hub::{clock::Clock, history::Budget};
use parking_lot::Mutex;
use protocol::UserId;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// The bytes of one batch, so that others get their turn.
const BATCH_BYTES: usize = 64 * 1024;

/// A replay that has used up its rate waits at least this long, so that it goes on with a batch and
/// not with a message.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// A user's connections together are replayed to as fast as so many of them.
const CONNECTIONS_PER_USER: usize = 4;

/// The rates, and what users have used up of them.
#[derive(Debug)]
pub(crate) struct ReplayRate {
    clock: Clock,
    messages: Rate,
    bytes: Rate,
    bytes_of_user: Rate,
    /// Of users that are replayed to, or were a moment ago.
    users: Mutex<HashMap<UserId<'static>, Arc<Mutex<Bucket>>, ahash::RandomState>>,
}

/// What one connection has used up.
#[derive(Debug, Default)]
pub(crate) struct Used(Option<Box<Buckets>>);

#[derive(Debug, Default)]
struct Buckets {
    messages: Bucket,
    bytes: Bucket,
    /// While it is replayed to and bytes are limited.
    bytes_of_user: Option<Arc<Mutex<Bucket>>>,
}

impl ReplayRate {
    pub(crate) fn new(limits: &config::Limits, clock: Clock) -> Self {
        let a_second = |count| Rate { per_second: count, burst: count };
        Self {
            clock,
            messages: a_second(limits.replay_rate),
            bytes: a_second(limits.replay_bytes),
            bytes_of_user: a_second(limits.replay_bytes.saturating_mul(CONNECTIONS_PER_USER)),
            users: Mutex::default(),
        }
    }

    /// Forgets users that may be replayed to at their full rate again.
    pub(crate) fn expire(&self) {
        let (now, rate) = (self.clock.now(), self.bytes_of_user);
        let is_used = |bucket: &Arc<Mutex<Bucket>>| {
            Arc::strong_count(bucket) > 1 || bucket.lock().available(rate, now) < rate.burst
        };
        self.users.lock().retain(|_, bucket| is_used(bucket));
    }

    fn of_user(&self, user: &UserId<'static>) -> Option<Arc<Mutex<Bucket>>> {
        (self.bytes.per_second > 0)
            .then(|| self.users.lock().entry(user.clone()).or_default().clone())
    }
}

impl Used {
    /// What the next batch may carry.
    ///
    /// # Errors
    /// Nothing may be sent now, but after this time.
    pub(crate) fn budget(
        &mut self,
        rates: &ReplayRate,
        user: &UserId<'static>,
    ) -> Result<Budget, Duration> {
        let used = self.0.get_or_insert_default();
        if used.bytes_of_user.is_none() {
            used.bytes_of_user = rates.of_user(user);
        }
        let (now, mut wait) = (rates.clock.now(), SHORTEST_WAIT);
        let mut left = |bucket: &mut Bucket, rate| {
            let left = bucket.available(rate, now);
            if left == 0 {
                wait = wait.max(bucket.wait(rate, 1));
            }
            left
        };
        let messages = left(&mut used.messages, rates.messages);
        let bytes = left(&mut used.bytes, rates.bytes);
        let of_user =
            used.bytes_of_user.as_ref().map(|bucket| left(&mut bucket.lock(), rates.bytes_of_user));
        let bytes = bytes.min(of_user.unwrap_or(usize::MAX)).min(BATCH_BYTES);
        if messages == 0 || bytes == 0 { Err(wait) } else { Ok(Budget { bytes, messages }) }
    }

    /// A batch was sent.
    pub(crate) fn take(&mut self, messages: usize, bytes: usize) {
        if let Some(buckets) = &mut self.0 {
            buckets.messages.take(messages);
            buckets.bytes.take(bytes);
            if let Some(of_user) = &buckets.bytes_of_user {
                of_user.lock().take(bytes);
            }
        }
    }

    /// The client has caught up.
    pub(crate) fn rest(&mut self) {
        if let Some(buckets) = &mut self.0 {
            buckets.bytes_of_user = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use tokio::time::advance;

    fn user(name: &'static str) -> UserId<'static> {
        UserId::new(name).unwrap()
    }

    fn rates(replay_rate: usize, replay_bytes: usize) -> ReplayRate {
        ReplayRate::new(&Limits { replay_rate, replay_bytes, ..Limits::default() }, Clock::start())
    }

    /// Bytes that a connection may be sent at once, in messages of 100.
    fn all_at_once(used: &mut Used, rates: &ReplayRate, user: &UserId<'static>) -> usize {
        let mut bytes = 0;
        while let Ok(budget) = used.budget(rates, user) {
            let messages = (budget.bytes / 100).clamp(1, budget.messages);
            used.take(messages, messages * 100);
            bytes += messages * 100;
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_reached_first_counts() {
        let ann = user("ann");
        assert_eq!(all_at_once(&mut Used::default(), &rates(50, 1_000_000), &ann), 50 * 100);
        assert_eq!(all_at_once(&mut Used::default(), &rates(50_000, 100_000), &ann), 100_000);
        let mut used = Used::default();
        assert_eq!(
            used.budget(&rates(0, 0), &ann).map(|budget| (budget.bytes, budget.messages)),
            Ok((BATCH_BYTES, usize::MAX))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_gives_it_back() {
        let (rates, ann, mut used) = (rates(0, 100_000), user("ann"), Used::default());
        assert_eq!(all_at_once(&mut used, &rates, &ann), 100_000);
        used.rest();
        assert_eq!(all_at_once(&mut used, &rates, &ann), 0);
        advance(Duration::from_millis(500)).await;
        assert_eq!(all_at_once(&mut used, &rates, &ann), 50_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_beyond_the_rate_is_waited_for_afterwards() {
        let (rates, ann, mut used) = (rates(0, 1000), user("ann"), Used::default());
        used.budget(&rates, &ann).unwrap();
        used.take(1, 5000);
        assert_eq!(
            used.budget(&rates, &ann).map(|_| ()).map_err(|wait| wait.as_millis()),
            Err(4001)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_users_connections_share_four_times_as_much() {
        let (rates, ann, bob) = (rates(0, 100_000), user("ann"), user("bob"));
        let mut connections: [Used; 6] = Default::default();
        let bytes = connections.each_mut().map(|used| all_at_once(used, &rates, &ann));
        assert_eq!(bytes, [100_000, 100_000, 100_000, 100_000, 0, 0]);
        assert_eq!(
            all_at_once(&mut Used::default(), &rates, &bob),
            100_000,
            "another user's are not among them"
        );
        drop(connections);
        rates.expire();
        assert_eq!(
            all_at_once(&mut Used::default(), &rates, &ann),
            0,
            "new connections change nothing"
        );
        advance(Duration::from_secs(2)).await;
        rates.expire();
        assert!(rates.users.lock().is_empty(), "users that have caught up take no memory");
    }
}
