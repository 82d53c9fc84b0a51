//! The line of calls to the server. Calls wait in the order in which they are made; one task sends
//! those that wait as one batch, and gives each its answer, in the same order, before it sends the
//! next batch. So of two calls in a row the first one is done and answered first, and the busier the
//! gateway is, the fewer round trips a call costs.
//!
//! From time to time a batch proves that the server takes writes: a server that is full, that hangs or
//! that has become a replica answers too, but it is not reachable in the sense of `/readyz`.
//!
//! Once replicas were seen, a batch counts only if one of them has it too. It stays so until the
//! process ends: a master without its replicas may be one that is about to be replaced.

use super::{
    LONGEST_PAUSE, Shared,
    connection::{Broken, Connection, is_unknown_script},
    script::Script,
    server::Server,
};
use crate::backoff::Backoff;
use ::redis::{Cmd, Pipeline, RedisResult, Value, from_redis_value};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

/// Calls that may wait; a further one is refused or waits for room.
pub(super) const CAPACITY: usize = 16 * 1024;

/// Calls of one batch.
const MOST: usize = 256;

/// What a batch may take, in bytes; one call always goes.
const MOST_BYTES: usize = 1024 * 1024;

/// Between two proofs that the server takes writes.
const PROBE: Duration = Duration::from_millis(500);

/// How long a replica may take, in a batch's limit.
const REPLICA: Duration = Duration::from_millis(500);

/// It is not known that the call was done: the server could not be reached, has refused it, or no
/// replica has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Redis server cannot be reached now")]
pub(crate) struct Lost;

/// Where the answer to a call goes.
pub(crate) trait Reply<T>: Send {
    /// Whether anything still waits for it. If not, a call that was not sent is dropped.
    fn is_wanted(&self) -> bool;

    /// Takes the answer: called in the order of the calls. Does not block.
    fn take(self: Box<Self>, answer: Result<T, Lost>);
}

impl<T: Send> Reply<T> for oneshot::Sender<Result<T, Lost>> {
    fn is_wanted(&self) -> bool {
        !self.is_closed()
    }

    fn take(self: Box<Self>, answer: Result<T, Lost>) {
        // What has asked may have gone.
        let _ = self.send(answer);
    }
}

/// Of a call that is to be done whether or not anything waits for it.
pub(super) struct NoReply;

impl<T> Reply<T> for NoReply {
    fn is_wanted(&self) -> bool {
        true
    }

    fn take(self: Box<Self>, _: Result<T, Lost>) {}
}

/// One step of a script.
pub(super) struct Call {
    pub(super) script: Script,
    pub(super) key: Vec<u8>,
    pub(super) arguments: Vec<Vec<u8>>,
    pub(super) reply: Box<dyn Reply<Value>>,
}

impl Call {
    fn bytes(&self) -> usize {
        self.key.len() + self.arguments.iter().map(Vec::len).sum::<usize>()
    }
}

/// Where calls are made.
#[derive(Debug, Clone)]
pub(super) struct Line(mpsc::Sender<Call>);

/// The other end of a [`Line`].
#[derive(Debug)]
pub(super) struct Queue(mpsc::Receiver<Call>);

impl Line {
    pub(super) fn new() -> (Self, Queue) {
        let (calls, queued) = mpsc::channel(CAPACITY);
        (Self(calls), Queue(queued))
    }

    /// Calls that wait.
    pub(super) fn len(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// Puts a call into the line, within this call. If there is no room, it is [`Lost`].
    pub(super) fn call(&self, call: Call) {
        if let Err(refused) = self.0.try_send(call) {
            refused.into_inner().reply.take(Err(Lost));
        }
    }

    /// Waits for room in the line, and for the answer. Dropped, the call may be done all the same.
    ///
    /// # Errors
    /// [`Lost`]
    pub(super) async fn ask(
        &self,
        script: Script,
        key: Vec<u8>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Value, Lost> {
        let (reply, answer) = oneshot::channel();
        let call = Call { script, key, arguments, reply: Box::new(reply) };
        self.0.send(call).await.map_err(|_| Lost)?;
        answer.await.unwrap_or(Err(Lost))
    }
}

impl Queue {
    /// The next batch: what waits, within the limits. `None`: nothing will come any more.
    /// Cancel-safe.
    async fn next(&mut self) -> Option<Vec<Call>> {
        let first = self.0.recv().await?;
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < MOST && bytes < MOST_BYTES {
            let Ok(call) = self.0.try_recv() else { break };
            bytes += call.bytes();
            batch.push(call);
        }
        batch.retain(|call| call.reply.is_wanted());
        Some(batch)
    }
}

/// What is known of the server at this moment.
#[derive(Debug, Default)]
pub(super) struct Condition {
    pub(super) is_reachable: AtomicBool,
    /// Replicas were seen.
    pub(super) has_replicas: AtomicBool,
}

/// Why a line does not go on over a connection.
enum End {
    Broken,
    /// Nothing will come any more.
    Closed,
}

/// Sends what waits, for ever, over one connection after the other.
pub(super) async fn work(shared: Arc<Shared>, first: Connection, mut queue: Queue) {
    let mut connection = first;
    loop {
        let end = over(&shared, connection, &mut queue).await;
        shared.condition.is_reachable.store(false, Relaxed);
        if let End::Closed = end {
            return;
        }
        tracing::warn!("the Redis server cannot be reached");
        let mut backoff = Backoff::new(LONGEST_PAUSE);
        connection = loop {
            backoff.pause().await;
            match Connection::open(&shared.settings).await {
                Ok((connection, facts)) => {
                    shared.learn(facts);
                    shared.reconnects.fetch_add(1, Relaxed);
                    break connection;
                }
                Err(error) if error.may_pass() => tracing::debug!(%error, "trying again"),
                Err(error) => tracing::warn!(%error, "the Redis server cannot be used"),
            }
        };
        tracing::info!("the Redis server is reached again");
    }
}

async fn over(shared: &Shared, mut connection: Connection, queue: &mut Queue) -> End {
    let mut probe = Instant::now();
    loop {
        let batch = tokio::select! {
            batch = queue.next() => match batch {
                Some(batch) => batch,
                None => return End::Closed,
            },
            () = sleep_until(probe) => Vec::new(),
        };
        let is_probe = probe <= Instant::now();
        if is_probe {
            probe = Instant::now() + PROBE;
        } else if batch.is_empty() {
            continue;
        }
        let command = |call: Call| (call.script.call(&call.key, &call.arguments), call.reply);
        let (commands, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(command).unzip();
        match run(shared, &mut connection, &commands, is_probe).await {
            Err(Broken) => {
                replies.into_iter().for_each(|reply| reply.take(Err(Lost)));
                return End::Broken;
            }
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    reply.take(answer);
                }
            }
        }
    }
}

/// Does a batch; gives the answer to each of its commands.
async fn run(
    shared: &Shared,
    connection: &mut Connection,
    batch: &[Cmd],
    is_probe: bool,
) -> Result<Vec<Result<Value, Lost>>, Broken> {
    let begin = Instant::now();
    let mut answers = send(shared, connection, batch.iter(), is_probe).await?;
    // The server has forgotten its scripts (`SCRIPT FLUSH`).
    let unknown: Vec<_> = (0..batch.len()).filter(|at| is_unknown_script(&answers[*at])).collect();
    if !unknown.is_empty() {
        connection.load_scripts().await?;
        let again = unknown.iter().map(|at| &batch[*at]);
        let second = send(shared, connection, again, false).await?;
        for (at, answer) in unknown.into_iter().zip(second) {
            answers[at] = answer;
        }
    }
    shared.latency.record(begin.elapsed(), batch.len() as u64);
    answers.into_iter().map(|answer| shared.judge(answer)).collect()
}

/// Sends a batch. If it is a probe, notes its result.
async fn send<'a>(
    shared: &Shared,
    connection: &mut Connection,
    batch: impl Iterator<Item = &'a Cmd>,
    is_probe: bool,
) -> Result<Vec<RedisResult<Value>>, Broken> {
    let mut commands = Pipeline::new();
    for command in batch {
        commands.add_command(command.clone());
    }
    let calls = commands.len();
    if is_probe {
        commands.add_command(shared.settings.write());
        commands.cmd("INFO").arg("replication");
    }
    let is_replicated = shared.condition.has_replicas.load(Relaxed);
    if is_replicated {
        commands.cmd("WAIT").arg(1).arg(REPLICA.as_millis() as u64);
    }
    let mut answers = connection.run(&mut commands).await?;
    let has_it_too = !is_replicated || answers.pop().is_some_and(is_at_least_one);
    if is_probe {
        let (info, written) = (answers.pop(), answers.pop());
        shared.note_replicas(info);
        let is_written = shared.judge(written.ok_or(Broken)?)?.is_ok();
        shared.condition.is_reachable.store(is_written && has_it_too, Relaxed);
    }
    debug_assert_eq!(answers.len(), calls);
    if !has_it_too {
        let lost = || Err((::redis::ErrorKind::Client, "no replica has it").into());
        answers.iter_mut().for_each(|answer| *answer = lost());
    }
    Ok(answers)
}

fn is_at_least_one(answer: RedisResult<Value>) -> bool {
    answer.is_ok_and(|answer| from_redis_value::<u64>(answer).is_ok_and(|count| count > 0))
}

impl Shared {
    /// What an answer is worth. A server that has become a replica is left.
    fn judge(&self, answer: RedisResult<Value>) -> Result<Result<Value, Lost>, Broken> {
        use ::redis::{ErrorKind, ServerErrorKind};
        let error = match answer {
            Ok(value) => return Ok(Ok(value)),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
            return Err(Broken);
        }
        self.refusals.fetch_add(1, Relaxed);
        tracing::debug!(code = error.code(), "the Redis server has refused a call");
        Ok(Err(Lost))
    }

    fn note_replicas(&self, info: Option<RedisResult<Value>>) {
        let info = info.and_then(Result::ok).and_then(|info| from_redis_value::<String>(info).ok());
        if info.is_some_and(|info| Server::new(&info).has_replicas()) {
            self.expect_replicas();
        }
    }
}
