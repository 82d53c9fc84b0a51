//! Barriers: a small message that is stored behind everything that was stored before. The stream's
//! leader and its quorum have to take it, so its number is a proof that no replica's answer is by
//! itself.
//!
//! One barrier serves all that ask for one while the barrier before it is under way.

use super::{ack, connection::Connection, subject::Names};
use crate::backbone::Unavailable;
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// A leader that does not answer within this is not there.
const LIMIT: Duration = Duration::from_secs(1);

/// Those that wait for the next barrier; further ones wait for a place.
const WAITING: usize = 1_024;

/// Asks for barriers.
#[derive(Debug, Clone)]
pub(super) struct Barriers(mpsc::Sender<oneshot::Sender<u64>>);

impl Barriers {
    /// Those of one shard; the work is done by the future, for ever. `highest` takes note of each.
    pub(super) fn new(
        connection: Arc<Connection>,
        names: &Names,
        highest: Arc<AtomicU64>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), work(connection, names.barrier(), highest, asked))
    }

    /// A number below or at which everything is that was stored before the call. Everything that
    /// this connection has subscribed to before the call comes from then on. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: the stream has no leader that answers.
    pub(super) async fn pass(&self) -> Result<u64, Unavailable> {
        let (tell, told) = oneshot::channel();
        self.0.send(tell).await.map_err(|_| Unavailable)?;
        told.await.map_err(|_| Unavailable)
    }
}

async fn work(
    connection: Arc<Connection>,
    subject: String,
    highest: Arc<AtomicU64>,
    mut asked: mpsc::Receiver<oneshot::Sender<u64>>,
) {
    let mut round = Vec::new();
    while asked.recv_many(&mut round, WAITING).await > 0 {
        if let Some(number) = publish(&connection, &subject).await {
            highest.fetch_max(number, Relaxed);
            for waiting in round.drain(..) {
                // Its end has reached its time limit.
                let _ = waiting.send(number);
            }
        }
        // Dropped, a sender says that there is none.
        round.clear();
    }
}

/// `None`: no answer, or the stream has not stored it.
pub(super) async fn publish(connection: &Connection, subject: &str) -> Option<u64> {
    let answer = connection.ask(subject.to_owned(), Bytes::new(), None, LIMIT).await?;
    ack::read(&answer.payload).ok().map(|ack| ack.seq_no)
}
