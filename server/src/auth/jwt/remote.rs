//! The keys that an issuer publishes, kept so that no token waits for a fetch whose key is known.
//! Fetched again in the background before they are old, and when a token names a key that is not
//! among them. However many ask: one fetch at a time. A fetch that fails keeps the keys.

use super::{
    issuer::{FetchError, Issuer},
    key::Key,
    token::Algorithm,
};
use crate::{chance, metrics::Meter};
use parking_lot::RwLock;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// A key that its issuer has withdrawn is used for so long at most, if the issuer can be reached.
const OLDEST: Duration = Duration::from_secs(600);
/// How long the background waits after the first fetch that has failed; twice as long after each
/// further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// The keys of an issuer.
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    issuer: Box<dyn Issuer>,
    /// An unknown key makes the set be fetched again no more often than this.
    min_refresh: Duration,
    present: RwLock<Arc<KeySet>>,
    /// Held during a fetch.
    fetching: Arc<Mutex<()>>,
    meter: Arc<Meter>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

/// The keys as they were when they were last fetched.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
    /// Whether there was a fetch that succeeded.
    is_known: bool,
    /// When the last fetch ended.
    tried: Option<Instant>,
    /// When the background fetches again.
    due: Instant,
    /// Fetches that have failed since the last one that succeeded.
    failures: u32,
}

impl KeySet {
    fn unknown() -> Self {
        Self { keys: Vec::new(), is_known: false, tried: None, due: Instant::now(), failures: 0 }
    }

    /// Whether the last fetch failed, so that the issuer may have keys that are not in here.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.is_known || self.failures > 0
    }

    /// The keys that may have signed a token with this head. One without `kid` may be from any key
    /// of its algorithm.
    pub(super) fn matching(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter().filter(move |key| {
            key.algorithm() == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        })
    }

    /// After a fetch that has just ended.
    fn after(&self, fetched: Result<Vec<Arc<Key>>, FetchError>) -> Self {
        let (keys, failures) = fetched.map_or_else(
            |_| (self.keys.clone(), self.failures.saturating_add(1)),
            |keys| (keys, 0),
        );
        let is_known = self.is_known || failures == 0;
        let now = Instant::now();
        Self { keys, is_known, tried: Some(now), due: now + pause(failures), failures }
    }
}

/// How long the background waits after so many failures. Gateways that were started together, or
/// that lost their issuer together, do not all come at once.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => chance::part_of(OLDEST.mul_f64(0.95), 0.85),
        Some(doublings) => {
            let longest = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings));
            chance::part_of(longest.min(LAST_RETRY), 0.5)
        }
    }
}

impl Remote {
    /// Fetches nothing yet.
    pub(super) fn new(issuer: Box<dyn Issuer>, min_refresh: Duration, meter: Arc<Meter>) -> Self {
        let present = RwLock::new(Arc::new(KeySet::unknown()));
        Self(Arc::new(Inner { issuer, min_refresh, present, fetching: Arc::default(), meter }))
    }

    /// Fetches the keys now and before they are old, for ever. Cancel-safe.
    pub(super) async fn follow(&self) {
        loop {
            sleep_until(self.present().due).await;
            self.fetched_if(|set| set.due <= Instant::now()).await;
        }
    }

    /// The keys that are kept. Waits only if there never were any. Cancel-safe.
    pub(super) async fn keys(&self) -> Arc<KeySet> {
        let present = self.present();
        if present.is_known { present } else { self.refreshed().await }
    }

    /// The keys after a fetch, if one is allowed now; else as they are. Waits for a fetch that is
    /// under way. Cancel-safe.
    pub(super) async fn refreshed(&self) -> Arc<KeySet> {
        self.fetched_if(|set| set.tried.is_none_or(|tried| tried.elapsed() >= self.0.min_refresh))
            .await
    }

    /// A fetch that ends while the caller waits is as good as one of its own. It goes on without
    /// those who wait for it, so that no client can keep it from ending.
    async fn fetched_if(&self, is_due: impl Fn(&KeySet) -> bool) -> Arc<KeySet> {
        let asked = Instant::now();
        let fetching = self.0.fetching.clone().lock_owned().await;
        let is_news = |set: &KeySet| set.tried.is_some_and(|tried| tried > asked);
        let present = self.present();
        if !is_news(&present) && is_due(&present) {
            let inner = self.0.clone();
            let fetch = tokio::spawn(async move {
                inner.fetch().await;
                drop(fetching);
            });
            if let Err(error) = fetch.await {
                tracing::error!(%error, "fetching the key set ended unexpectedly");
            }
        }
        self.present()
    }

    fn present(&self) -> Arc<KeySet> {
        self.0.present.read().clone()
    }
}

impl Inner {
    async fn fetch(&self) {
        let fetched = self.issuer.fetch().await;
        let old = self.present.read().clone();
        self.meter.count_key_fetch(fetched.is_ok());
        match &fetched {
            Ok(keys) => {
                tracing::info!(issuer = ?self.issuer, keys = keys.len(), "fetched the key set")
            }
            Err(error) => {
                tracing::warn!(issuer = ?self.issuer, %error, kept = old.keys.len(), "cannot fetch the key set")
            }
        }
        *self.present.write() = Arc::new(old.after(fetched));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{jwk, samples};
    use super::*;
    use futures_util::{FutureExt, future::BoxFuture};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::time::sleep;

    /// What it publishes may change; `None`: it cannot be reached.
    #[derive(Debug, Clone, Default)]
    struct Moody {
        keys: Arc<parking_lot::Mutex<Option<Vec<Arc<Key>>>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Moody {
        fn publish(&self, ids: &[&str]) {
            let key = |id: &&str| Arc::new(Key::pem(samples::ED_PUBLIC).unwrap().named(id));
            *self.keys.lock() = Some(ids.iter().map(key).collect());
        }

        fn disappear(&self) {
            *self.keys.lock() = None;
        }

        fn asked(&self) -> usize {
            self.asked.load(SeqCst)
        }
    }

    impl Issuer for Moody {
        fn fetch(&self) -> BoxFuture<'_, Result<Vec<Arc<Key>>, FetchError>> {
            async {
                self.asked.fetch_add(1, SeqCst);
                sleep(Duration::from_millis(200)).await;
                self.keys.lock().clone().ok_or(FetchError::TooLarge)
            }
            .boxed()
        }
    }

    /// With what runs in the background.
    fn followed(issuer: &Moody) -> Arc<Remote> {
        let remote = Arc::new(Remote::new(
            Box::new(issuer.clone()),
            Duration::from_millis(500),
            Arc::default(),
        ));
        let background = remote.clone();
        tokio::spawn(async move { background.follow().await });
        remote
    }

    async fn has(remote: &Remote, id: &str) -> bool {
        remote.keys().await.matching(Algorithm::Ed25519, Some(id)).next().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_was_withdrawn_goes_even_if_no_token_comes() {
        let issuer = Moody::default();
        issuer.publish(&["old"]);
        let remote = followed(&issuer);
        assert!(has(&remote, "old").await);
        issuer.publish(&["new"]);
        sleep(OLDEST).await;
        assert!(!has(&remote, "old").await && has(&remote, "new").await);
        assert_eq!(issuer.asked(), 2);
        sleep(OLDEST).await;
        assert_eq!(issuer.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_kept_are_there_at_once_whatever_the_issuer_does() {
        let issuer = Moody::default();
        issuer.publish(&["kept"]);
        let remote = followed(&issuer);
        assert!(has(&remote, "kept").await);
        for _ in 0..1_000 {
            sleep(Duration::from_secs(1)).await;
            assert!(remote.keys().now_or_never().is_some(), "it waits for a fetch");
        }
        issuer.disappear();
        sleep(Duration::from_secs(24 * 3600)).await;
        assert!(
            remote.keys().now_or_never().is_some_and(|set| set.is_doubtful())
                && has(&remote, "kept").await
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_is_away_is_asked_less_and_less_and_then_found_again() {
        let issuer = Moody::default();
        let remote = followed(&issuer);
        sleep(Duration::from_secs(10)).await;
        let at_first = issuer.asked();
        assert!((3..=8).contains(&at_first), "{at_first}");
        sleep(Duration::from_secs(600)).await;
        let later = issuer.asked() - at_first;
        assert!((10..=24).contains(&later), "{later}");
        issuer.publish(&["back"]);
        sleep(LAST_RETRY + Duration::from_secs(1)).await;
        assert!(has(&remote, "back").await && !remote.keys().await.is_doubtful());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_key_makes_it_fetch_no_more_often_than_allowed() {
        let issuer = Moody::default();
        issuer.publish(&["known"]);
        let remote = Remote::new(Box::new(issuer.clone()), Duration::from_secs(10), Arc::default());
        for _ in 0..50 {
            remote.refreshed().await;
        }
        assert_eq!(issuer.asked(), 1);
        sleep(Duration::from_secs(10)).await;
        remote.refreshed().await;
        assert_eq!(issuer.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_for_a_fetch_take_what_it_brings() {
        let issuer = Moody::default();
        issuer.publish(&["known"]);
        let remote =
            Remote::new(Box::new(issuer.clone()), Duration::from_millis(100), Arc::default());
        let sets = futures_util::future::join_all((0..50).map(|_| remote.refreshed())).await;
        assert!(sets.iter().all(|set| set.is_known));
        assert_eq!(issuer.asked(), 1, "although it took longer than the shortest time between two");
    }

    #[tokio::test]
    async fn a_token_without_a_key_id_may_be_from_any_key_of_its_algorithm() {
        let ed = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"1y_KaSSUyT9AZKcSQ_2xnFDbZU6ZrjpOQqlfT6gNOfc","kid":"a"}]}"#;
        let set = KeySet { keys: jwk::parse(ed.as_bytes()).unwrap(), ..KeySet::unknown() };
        let found = |algorithm, id| set.matching(algorithm, id).count();
        assert_eq!(found(Algorithm::Ed25519, None), 1);
        assert_eq!(found(Algorithm::Ed25519, Some("a")), 1);
        assert_eq!(found(Algorithm::Ed25519, Some("b")), 0);
        assert_eq!(found(Algorithm::Es256, Some("a")), 0);
    }
}
