//! In which order tokens are checked. A check takes a worker for one signature, so many at once
//! only wait for each other; but those of an address whose tokens are refused again and again come
//! after all others.

use super::failures::Failures;
use std::{fmt, net::IpAddr};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::yield_now,
};

pub(super) struct Admission {
    failures: Failures,
    /// One check at a time, of all addresses that fail too often.
    last_in_line: Semaphore,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}

impl Admission {
    /// Addresses with more than so many `failures` in a minute come last.
    pub(super) fn new(failures: usize) -> Self {
        Self { failures: Failures::new(failures), last_in_line: Semaphore::new(1) }
    }

    /// A token of this address was refused.
    pub(super) fn refused(&self, from: IpAddr) {
        self.failures.count(from);
    }

    /// Whether checks for this address come after all others.
    pub(super) fn comes_last(&self, from: Option<IpAddr>) -> bool {
        from.is_some_and(|address| self.failures.are_too_many(address))
    }

    /// Waits until a signature may be checked, which should be done at once and without waiting;
    /// what is returned is to be held meanwhile. Cancel-safe.
    pub(super) async fn turn(&self, from: Option<IpAddr>) -> Option<SemaphorePermit<'_>> {
        if !self.comes_last(from) {
            return None;
        }
        let turn = self.last_in_line.acquire().await.ok();
        // Every task that is ready runs first.
        yield_now().await;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn addresses_that_fail_too_often_come_last_and_one_at_a_time() {
        let (bad, good) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let admission = Admission::new(1);
        admission.refused(bad);
        assert!(admission.turn(Some(bad)).now_or_never().is_some(), "one may happen to any user");
        admission.refused(bad);
        let first = admission.turn(Some(bad)).await;
        assert!(first.is_some() && admission.turn(Some(bad)).now_or_never().is_none());
        for other in [Some(good), None] {
            assert!(admission.turn(other).now_or_never().is_some());
        }
        drop(first);
        assert!(admission.turn(Some(bad)).await.is_some());
    }

    #[tokio::test]
    async fn tasks_that_are_ready_run_first() {
        let bad = IpAddr::from([192, 0, 2, 1]);
        let admission = Admission::new(1);
        (0..2).for_each(|_| admission.refused(bad));
        let (done, order) = std::sync::mpsc::channel();
        let others = done.clone();
        let last = async {
            admission.turn(Some(bad)).await;
            done.send("bad").unwrap();
        };
        tokio::spawn(async move { others.send("good").unwrap() });
        last.await;
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["good", "bad"]);
    }
}
