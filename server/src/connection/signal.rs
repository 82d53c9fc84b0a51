//! Tells one task that something has changed. As tokio's `Notify` with a single waiter, but without
//! a list of waiters: looking at it again in each turn costs no lock, and the waiting takes no room
//! in the task.

use futures_util::task::AtomicWaker;
use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::Poll,
};

#[derive(Debug, Default)]
pub(super) struct Signal {
    is_set: AtomicBool,
    waker: AtomicWaker,
}

impl Signal {
    /// Sets it. Set already, it stays so: it says that there is something, not how much.
    pub(super) fn set(&self) {
        self.is_set.store(true, SeqCst);
        self.waker.wake();
    }

    /// Waits until it is set, and takes it back. For one task. Cancel-safe.
    pub(super) async fn taken(&self) {
        poll_fn(|cx| {
            if self.is_set.swap(false, SeqCst) {
                return Poll::Ready(());
            }
            self.waker.register(cx.waker());
            if self.is_set.swap(false, SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, time::Duration};

    #[tokio::test]
    async fn set_before_is_as_good_as_set_while_waiting() {
        let signal = Signal::default();
        signal.set();
        signal.set();
        signal.taken().await;
        let mut again = std::pin::pin!(signal.taken());
        assert!(futures_util::poll!(&mut again).is_pending(), "taken once");
        signal.set();
        again.await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn none_gets_lost_between_threads() {
        let (there, back) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
        let answering = tokio::spawn({
            let (there, back) = (there.clone(), back.clone());
            async move {
                for _ in 0..10_000 {
                    there.taken().await;
                    back.set();
                }
            }
        });
        let all = async {
            for _ in 0..10_000 {
                there.set();
                back.taken().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("one got lost");
        answering.await.unwrap();
    }
}
