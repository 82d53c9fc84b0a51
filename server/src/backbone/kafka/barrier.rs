//! Barriers: records that say nothing but have a place in the log, behind everything that was stored
//! before. A broker's answer about the end of the log proves less: a leader that was deposed goes on
//! answering, and one that has too few replicas in sync answers and takes no message. A barrier that
//! the reader has read back proves both that the log takes records and that the reader has read
//! everything that was acknowledged to anybody before.
//!
//! One barrier serves all that ask for one while the barrier before it is under way.

use crate::backbone::Unavailable;
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// A log that does not give a record back within this is taken not to work.
const LIMIT: Duration = Duration::from_secs(1);

/// Those that wait for the next barrier; further ones wait for a place.
const WAITING: usize = 1_024;

/// Asks for barriers of one partition.
#[derive(Debug, Clone)]
pub(super) struct Barriers(mpsc::Sender<oneshot::Sender<()>>);

impl Barriers {
    /// `pass` writes a barrier and waits until it was read. The work is done by the future, until
    /// all [`Barriers`] are dropped.
    pub(super) fn new<F>(
        pass: impl Fn() -> F + Send + 'static,
    ) -> (Self, impl Future<Output = ()> + Send)
    where
        F: Future<Output = Result<u64, Unavailable>> + Send,
    {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), work(pass, asked))
    }

    /// Until the reader has read everything that was stored before the call. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: the log did not give the barrier back in time.
    pub(super) async fn pass(&self) -> Result<(), Unavailable> {
        let (tell, told) = oneshot::channel();
        self.0.send(tell).await.map_err(|_| Unavailable)?;
        told.await.map_err(|_| Unavailable)
    }
}

async fn work<F>(pass: impl Fn() -> F, mut asked: mpsc::Receiver<oneshot::Sender<()>>)
where
    F: Future<Output = Result<u64, Unavailable>>,
{
    let mut round = Vec::new();
    while asked.recv_many(&mut round, WAITING).await > 0 {
        if let Ok(Ok(_)) = timeout(LIMIT, pass()).await {
            for waiting in round.drain(..) {
                // Its end has reached its time limit.
                let _ = waiting.send(());
            }
        }
        // Dropped, a sender says that there is none.
        round.clear();
    }
}
