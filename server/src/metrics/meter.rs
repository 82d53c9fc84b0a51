//! What is counted where it happens, since the start.

use super::{Sharded, histogram::Histogram};
use crate::wall_clock::unix_time;
use hub::Observer;
use parking_lot::Mutex;
use protocol::{AckStatus, CloseCode, ErrorCode};
use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

/// Errors and closes may come in a flood, but each of them costs its sender a frame or a
/// connection: plain counters.
type Codes<const N: usize> = [AtomicU64; N];

/// Why a client is not read for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// A topic that it publishes to lags.
    Backlog,
    /// Too many of its publishes wait for the backbone.
    InFlight,
    /// It sends more frames than `limits.frame_rate`.
    FrameRate,
}

impl Pause {
    const ALL: [(Self, &str); 3] =
        [(Self::Backlog, "backlog"), (Self::InFlight, "inflight"), (Self::FrameRate, "frame_rate")];
}

const ERRORS: usize = ErrorCode::ALL.len();
const CLOSES: usize = CloseCode::ALL.len();

/// What is read again while the gateway serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The file of the configuration.
    Configuration,
    /// The keys of backends.
    ApiKeys,
    /// The keys of signatures.
    SigningKeys,
    /// Certificate and key of TLS.
    Certificate,
}

impl Reloaded {
    const ALL: [Self; 4] =
        [Self::Configuration, Self::ApiKeys, Self::SigningKeys, Self::Certificate];

    /// Its name in metrics and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::ApiKeys => "api_keys",
            Self::SigningKeys => "signing_keys",
            Self::Certificate => "certificate",
        }
    }
}

/// All counters of one gateway.
pub struct Meter {
    /// Publishes that were stored.
    pub published: Sharded,
    /// Publishes that were repeats.
    pub duplicates: Sharded,
    /// Messages handed to sockets as they came, one for each subscriber.
    pub delivered: Sharded,
    /// Messages handed to sockets again, to clients that catch up.
    pub replayed: Sharded,
    /// From a publish to the sockets of its subscribers.
    pub latency: Histogram,
    /// Times that no connection could be accepted.
    pub failed_accepts: Sharded,
    errors: Codes<ERRORS>,
    closes: Codes<CLOSES>,
    closes_otherwise: AtomicU64,
    failed_reloads: Codes<{ Reloaded::ALL.len() }>,
    /// In seconds since 1970; 0: there is no certificate.
    certificate_expiry: AtomicU64,
    pauses: Codes<{ Pause::ALL.len() }>,
    refused_api_keys: AtomicU64,
    deferred_setups: AtomicU64,
    key_fetches: AtomicU64,
    failed_key_fetches: AtomicU64,
    /// Seconds since 1970; 0: never.
    keys_fetched_at: AtomicU64,
    /// By route and status: as many as there are routes and statuses.
    requests: Mutex<BTreeMap<Box<str>, BTreeMap<u16, u64>>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            published: Sharded::default(),
            duplicates: Sharded::default(),
            delivered: Sharded::default(),
            replayed: Sharded::default(),
            latency: Histogram::default(),
            failed_accepts: Sharded::default(),
            errors: std::array::from_fn(|_| AtomicU64::new(0)),
            closes: std::array::from_fn(|_| AtomicU64::new(0)),
            closes_otherwise: AtomicU64::new(0),
            failed_reloads: std::array::from_fn(|_| AtomicU64::new(0)),
            certificate_expiry: AtomicU64::new(0),
            pauses: std::array::from_fn(|_| AtomicU64::new(0)),
            refused_api_keys: AtomicU64::new(0),
            deferred_setups: AtomicU64::new(0),
            key_fetches: AtomicU64::new(0),
            failed_key_fetches: AtomicU64::new(0),
            keys_fetched_at: AtomicU64::new(0),
            requests: Mutex::default(),
        }
    }
}

impl Meter {
    /// A publish was accepted.
    pub fn count_publish(&self, status: AckStatus) {
        match status {
            AckStatus::Ok => self.published.add(1),
            AckStatus::Duplicate => self.duplicates.add(1),
        }
    }

    /// A client was told of an error.
    pub fn count_error(&self, code: ErrorCode) {
        if let Some(counter) = ErrorCode::ALL
            .iter()
            .position(|known| *known == code)
            .and_then(|at| self.errors.get(at))
        {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// A connection has ended. `None`: without a close frame.
    pub fn count_close(&self, code: Option<u16>) {
        let known = CloseCode::ALL.iter().position(|known| Some(known.number()) == code);
        known
            .and_then(|at| self.closes.get(at))
            .unwrap_or(&self.closes_otherwise)
            .fetch_add(1, Relaxed);
    }

    /// Something could not be read again.
    pub fn count_failed_reload(&self, what: Reloaded) {
        self.failed_reloads[what as usize].fetch_add(1, Relaxed);
    }

    /// Reloads that failed so far.
    pub fn failed_reloads(&self) -> impl Iterator<Item = (Reloaded, u64)> {
        Reloaded::ALL.into_iter().zip(self.failed_reloads.iter().map(|count| count.load(Relaxed)))
    }

    /// When the certificate that is in force expires, in seconds since 1970.
    pub fn certificate_expires(&self, at: Option<u64>) {
        self.certificate_expiry.store(at.unwrap_or(0), Relaxed);
    }

    /// As [`Meter::certificate_expires`] was told last. `None`: there is no certificate, or its end
    /// is not known.
    #[must_use]
    pub fn certificate_expiry(&self) -> Option<u64> {
        Some(self.certificate_expiry.load(Relaxed)).filter(|at| *at != 0)
    }

    /// A client is not read for a while.
    pub fn count_pause(&self, why: Pause) {
        self.pauses[why as usize].fetch_add(1, Relaxed);
    }

    /// How often clients were not read for a while, each time with the reason's name.
    pub fn pauses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Pause::ALL.iter().map(|(why, name)| (*name, self.pauses[*why as usize].load(Relaxed)))
    }

    /// A request was answered.
    pub fn count_request(&self, route: &str, status: u16) {
        let mut requests = self.requests.lock();
        match requests.get_mut(route) {
            Some(of_route) => *of_route.entry(status).or_default() += 1,
            None => drop(requests.insert(route.into(), BTreeMap::from([(status, 1)]))),
        }
    }

    /// Requests so far, by route and status.
    pub fn requests(&self) -> BTreeMap<Box<str>, BTreeMap<u16, u64>> {
        self.requests.lock().clone()
    }

    /// Errors so far, by code.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        ErrorCode::ALL.iter().copied().zip(self.errors.iter().map(|count| count.load(Relaxed)))
    }

    /// Connections that ended, by close code; `None`: without one, or with one of the client's own.
    pub fn closes(&self) -> impl Iterator<Item = (Option<CloseCode>, u64)> {
        let known = CloseCode::ALL
            .iter()
            .copied()
            .map(Some)
            .zip(self.closes.iter().map(|count| count.load(Relaxed)));
        known.chain([(None, self.closes_otherwise.load(Relaxed))])
    }

    /// A request over HTTP showed a wrong API key.
    pub fn count_refused_api_key(&self) {
        self.refused_api_keys.fetch_add(1, Relaxed);
    }

    /// Requests that showed a wrong API key.
    #[must_use]
    pub fn refused_api_keys(&self) -> u64 {
        self.refused_api_keys.load(Relaxed)
    }

    /// A setup has to come after others, since too many tokens of its address were refused.
    pub fn count_deferred_setup(&self) {
        self.deferred_setups.fetch_add(1, Relaxed);
    }

    /// Setups that had to come after others.
    #[must_use]
    pub fn deferred_setups(&self) -> u64 {
        self.deferred_setups.load(Relaxed)
    }

    /// The issuer's key set was fetched, or could not be.
    pub fn count_key_fetch(&self, succeeded: bool) {
        if succeeded {
            self.key_fetches.fetch_add(1, Relaxed);
            self.keys_fetched_at.store(unix_time(SystemTime::now()).as_secs(), Relaxed);
        } else {
            self.failed_key_fetches.fetch_add(1, Relaxed);
        }
    }

    /// Fetches of the key set: those that succeeded, those that failed.
    #[must_use]
    pub fn key_fetches(&self) -> [u64; 2] {
        [self.key_fetches.load(Relaxed), self.failed_key_fetches.load(Relaxed)]
    }

    /// When the key set was last fetched, in seconds since 1970. `None`: never.
    #[must_use]
    pub fn keys_fetched_at(&self) -> Option<u64> {
        Some(self.keys_fetched_at.load(Relaxed)).filter(|seconds| *seconds > 0)
    }

    /// Connections that were closed because they read too slowly.
    #[must_use]
    pub fn slow_consumers(&self) -> u64 {
        self.closes()
            .find(|(code, _)| *code == Some(CloseCode::SlowConsumer))
            .map_or(0, |(_, count)| count)
    }
}

impl Observer for Meter {
    fn count_deliveries(&self, deliveries: u64, after: Duration) {
        self.delivered.add(deliveries);
        self.latency.record(after, deliveries);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("published", &self.published.sum())
            .field("delivered", &self.delivered.sum())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_own_counter() {
        let meter = Meter::default();
        for (n, code) in (1..).zip(ErrorCode::ALL) {
            (0..n).for_each(|_| meter.count_error(*code));
        }
        assert!((1..).zip(meter.errors()).all(|(n, (_, count))| n == count));
        for (n, code) in (1..).zip(CloseCode::ALL) {
            (0..n).for_each(|_| meter.count_close(Some(code.number())));
        }
        meter.count_close(None);
        meter.count_close(Some(3999));
        let counts: Vec<_> = meter.closes().collect();
        let (last, known) = counts.split_last().unwrap();
        assert!((1..).zip(known).all(|(n, (code, count))| code.is_some() && n == *count));
        assert_eq!(*last, (None, 2));
    }

    #[test]
    fn each_kind_of_reload_has_its_own_counter() {
        let meter = Meter::default();
        for (n, what) in (1..).zip(Reloaded::ALL) {
            (0..n).for_each(|_| meter.count_failed_reload(what));
        }
        assert!((1..).zip(meter.failed_reloads()).all(|(n, (_, count))| n == count));
    }

    #[test]
    fn a_delivery_counts_once_for_each_message_and_subscriber() {
        let meter = Meter::default();
        meter.count_deliveries(30, Duration::from_millis(2));
        assert_eq!((meter.delivered.sum(), meter.latency.snapshot().count()), (30, 30));
    }
}
