//! A connection's own task. One read is one turn: everything that it brought is handled, then the answers and the messages
//! that it caused leave together, one write per socket.

mod reader;

use super::{
    Caller, Connection,
    conversation::{Awaited, Closing, Conversation, Flow, Replay, Stop, Turn},
    transport::{Incoming, Outgoing},
};
use crate::{
    admission::WebSocketPlace,
    gateway::Gateway,
    hub::{FanOut, Sink, Step},
    websocket::Decoder,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::CloseCode;
use reader::Reader;
use std::{
    future::{pending, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};
use tokio::{
    task::yield_now,
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_util::task::TaskTracker;

/// From this many subscribers on, a fan-out first lets everybody be read whose bytes are there already, so that their publishes
/// leave in the same write.
const COMBINE_FROM: usize = 16;

/// Turns of the scheduler that it waits: one for the connections that are ready, one for those that the driver finds then.
/// Measured with 8 publishers on one worker: one turn costs five times as much per delivery as two.
const COMBINE_TURNS: usize = 2;

/// How long a closed connection waits for the client to take the last bytes. A slow consumer that reads on within this time
/// learns why it was closed.
const LAST_BYTES: Duration = Duration::from_secs(10);

/// How long it then waits for the client to close as well.
const LINGER: Duration = Duration::from_secs(2);

/// Serves a connection until it ends, and holds `admitted` until its socket is closed. `early` came with the opening handshake.
/// What the future holds is put together before it, so that it lies there once; there are as many as there are connections.
pub(super) fn connection(
    gateway: Arc<Gateway>,
    (socket, out): (Incoming, Outgoing),
    early: Bytes,
    caller: Caller,
    admitted: WebSocketPlace,
) -> impl Future<Output = ()> + Send + 'static {
    let connection = Arc::new(Connection::new(out, gateway.config().limits.send_queue, gateway.clock));
    let mut reader = Reader { socket, decoder: Decoder::new(gateway.config().limits.max_frame), rest: early.into() };
    let mut conversation = Conversation::new(gateway.clone(), connection.clone(), caller);
    async move {
        let client = conversation.address();
        tracing::debug!(connection = connection.number(), %client, "a client has connected");
        let place = gateway.connections.add(connection.clone());
        if !gateway.takes_work() {
            connection.drain();
        }
        let closing = converse(&connection, &gateway, &mut reader, &mut conversation).await;
        if let Some(Closing { code, reason }) = closing {
            connection.cork(std::mem::take(&mut conversation.turn.answers));
            connection.close_with(code, &reason);
        }
        let client = conversation.address();
        // It leaves its topics and its session before the client may know that it has ended.
        drop(conversation);
        drop(place);
        let socket = admitted.end();
        let code = connection.closed_with();
        gateway.meter.count_close(code);
        tracing::debug!(connection = connection.number(), %client, code, "a connection has ended");
        part(&connection, &mut reader.socket).await;
        drop(socket);
    }
}

/// Turn after turn. `None`: somebody else has closed the connection, or the socket has failed.
async fn converse(connection: &Connection, gateway: &Gateway, reader: &mut Reader, conversation: &mut Conversation) -> Option<Closing> {
    let mut deadline = Deadline::default();
    deadline.set(Some(Instant::now() + gateway.config().timeouts.setup));
    let mut is_full = false;
    let mut replay = None;
    let mut flow = reader.go_on(conversation);
    loop {
        settle(connection, &gateway.tasks, &mut conversation.turn).await;
        let mut awaited = match flow {
            Flow::Continue(()) | Flow::Break(Stop::Full) => None,
            Flow::Break(Stop::Wait(awaited)) => Some(awaited),
            Flow::Break(Stop::Close(closing)) => return Some(closing),
        };
        if conversation.is_set_up() {
            deadline.set(conversation.expires());
        }
        if conversation.is_behind() && replay.is_none() {
            replay = Some(Replay::More);
        }
        flow = loop {
            tokio::select! { biased;
                () = connection.writable(), if is_full => is_full = !connection.flush(),
                () = connection.changed() => {
                    let status = connection.status();
                    if status.is_over {
                        return None;
                    }
                    is_full = status.is_full;
                }
                () = deadline.passes() => return Some(at_deadline(conversation)),
                next = next(reader, conversation, &mut awaited) => match next.ok()? {
                    Next::Turn(flow) => break flow,
                    Next::Answers(answers) => {
                        connection.cork(answers);
                        connection.uncork();
                    }
                },
                () = turn_of(replay.as_mut()), if replay.is_some() && !is_full => {
                    replay = Some(conversation.replay()).filter(|replay| !matches!(replay, Replay::Done));
                    is_full = connection.status().is_full;
                }
            }
            if connection.is_draining() && !is_full && !conversation.is_behind() && !conversation.waits_for_the_backbone() {
                return Some(CloseCode::GoingAway.into());
            }
        };
    }
}

/// When the present phase of a connection has to be over: the time for `setup`, then the token's.
#[derive(Default)]
struct Deadline {
    ends: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn set(&mut self, ends: Option<Instant>) {
        if self.ends != ends {
            self.ends = ends;
            self.timer = ends.map(|ends| Box::pin(sleep_until(ends)));
        }
    }

    /// Never returns where there is none. Cancel-safe.
    async fn passes(&mut self) {
        match &mut self.timer {
            Some(timer) => timer.await,
            None => pending().await,
        }
    }
}

fn at_deadline(conversation: &mut Conversation) -> Closing {
    if conversation.is_set_up() {
        conversation.expire()
    } else {
        Closing { reason: "no setup in time".into(), ..CloseCode::Timeout.into() }
    }
}

/// When the next batch of a replay may go: others run first. Cancel-safe.
async fn turn_of(replay: Option<&mut Replay>) {
    match replay {
        Some(Replay::Wait(until)) => until.await,
        _ => yield_now().await,
    }
}

/// What a connection's task goes on with.
enum Next {
    /// The client's frames were handled.
    Turn(Flow),
    /// The backbone has answered publishes.
    Answers(Vec<u8>),
}

/// The next turn; first what a frame waits for has to be known, topics that lag have to catch up, and the backbone has to answer
/// where too much waits for it. Cancel-safe.
async fn next(reader: &mut Reader, conversation: &mut Conversation, awaited: &mut Option<BoxFuture<'static, Awaited>>) -> io::Result<Next> {
    while let Some(topic) = conversation.turn.congested.last() {
        // Boxed: it is rare, and would take a tenth of each connection's task.
        Box::pin(topic.below_backlog()).await;
        conversation.turn.congested.pop();
    }
    poll_fn(|cx| {
        if let Poll::Ready(answers) = conversation.poll_backbone(cx) {
            return Poll::Ready(Ok(Next::Answers(answers)));
        }
        if let Some(future) = awaited {
            let known = ready!(future.as_mut().poll(cx));
            *awaited = None;
            return Poll::Ready(Ok(Next::Turn(match conversation.go_on(known) {
                Flow::Continue(()) => reader.go_on(conversation),
                stop => stop,
            })));
        }
        if conversation.is_full() {
            return Poll::Pending;
        }
        if !reader.rest.is_empty() {
            return Poll::Ready(Ok(Next::Turn(reader.go_on(conversation))));
        }
        reader.poll_turn(cx, conversation).map_ok(Next::Turn)
    })
    .await
}

/// Sends what a turn has collected. Where a big fan-out is due the answers go first: the publisher fills its window again
/// while it runs. Else they wait for the messages of the same turn, to leave in one write with them.
async fn settle(connection: &Connection, tasks: &TaskTracker, turn: &mut Turn) {
    connection.cork(std::mem::take(&mut turn.answers));
    // The first publish comes last, where it is taken from without moving the others.
    let mut due = std::mem::take(&mut turn.fan_outs);
    due.reverse();
    let mut at = due.len();
    while at > 0 {
        at -= 1;
        if due[at].topic().subscribers() < COMBINE_FROM {
            one_pass(due.remove(at), tasks).await;
        }
    }
    connection.uncork();
    let Some(first) = due.pop() else { return };
    for _ in 0..COMBINE_TURNS {
        yield_now().await;
    }
    due.into_iter().rev().for_each(|fan_out| drop(tasks.spawn(to_the_end(fan_out))));
    one_pass(first, tasks).await;
}

/// The publisher makes the first pass itself. What came in meanwhile is not its business: that gets a task of its own.
#[allow(clippy::manual_async_fn, reason = "the future of an `async fn` would hold the right twice")]
fn one_pass(mut fan_out: FanOut<Connection>, tasks: &TaskTracker) -> impl Future<Output = ()> {
    async move {
        loop {
            match fan_out.step() {
                Step::Yield => yield_now().await,
                Step::More => {
                    tasks.spawn(to_the_end(fan_out));
                    return;
                }
                Step::Done => return,
            }
        }
    }
}

/// Drives a fan-out until nothing is pending. Others run between its steps.
pub(crate) async fn to_the_end<S: Sink>(mut fan_out: FanOut<S>) {
    while fan_out.step() != Step::Done {
        yield_now().await;
    }
}

/// Sends the last bytes, then waits a little for the client to close as well: a socket that is closed with something unread
/// resets the connection, and the client might never see why.
pub(super) async fn part(connection: &Connection, socket: &mut Incoming) {
    let flush = async || {
        while !connection.flush() {
            connection.writable().await;
        }
    };
    let last_bytes = async {
        flush().await;
        connection.say_goodbye();
        flush().await;
    };
    if timeout(LAST_BYTES, last_bytes).await.is_err() {
        return;
    }
    connection.finish_writing();
    // A client that does not close has had its time.
    let _ = timeout(LINGER, socket.drain()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the future that a function gives.
    fn size<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_small() {
        let (task, shared) = (size(connection), size_of::<Connection>());
        // With what tokio puts around it, the task then takes 1 KiB.
        assert!(task <= 912 && shared <= 192, "{task} and {shared} bytes");
    }
}
