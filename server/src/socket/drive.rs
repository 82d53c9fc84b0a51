//! A connection's own task. One read is one turn: everything that it brought is handled, then the
//! answers and the messages that it caused leave together, one write per socket.

#[cfg(test)]
mod bounds;
mod deadline;
mod frame_rate;
mod frames;
mod reader;

use super::{
    Caller,
    conversation::{Awaited, Closing, Conversation, Flow, Replay, Stop, Turn},
};
use crate::{
    admission::WebSocketPlace,
    connection::Connection,
    gateway::Gateway,
    metrics::Pause,
    sequencer::fan_out,
    transport::{Incoming, Outgoing},
};
use bytes::Bytes;
use deadline::{Deadline, Due};
use frames::Frames;
use futures_util::{FutureExt, future::BoxFuture};
use hub::{FanOut, Step, Topic, topic::Page};
use protocol::CloseCode;
use reader::Reader;
use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};
use tokio::{
    task::yield_now,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

/// From this many subscribers on, a fan-out first lets all connections be read whose bytes have
/// arrived already, so that their publishes leave in the same write.
const COMBINE_FROM: usize = 16;

/// Turns of the scheduler that it waits: one for the connections that are ready, one for those that
/// the driver finds then. Measured with 8 publishers on one worker: one turn costs five times as
/// much per delivery as two.
const COMBINE_TURNS: usize = 2;

/// Passes to few subscribers each, after which a publisher lets others run.
const PASSES_PER_YIELD: usize = 8;

/// How long a closed connection waits for the client to take the last bytes. A slow consumer that
/// reads on within this time learns why it was closed.
const LAST_BYTES: Duration = Duration::from_secs(10);

/// How long it then waits for the client to close as well.
const LINGER: Duration = Duration::from_secs(2);

/// Serves a connection until it ends, and holds `admitted` until its socket is closed. `early` came
/// with the opening handshake. What the future holds is put together before it, so that it lies
/// there once; there are as many as there are connections.
pub(crate) fn connection(
    gateway: Arc<Gateway>,
    (socket, out): (Incoming, Outgoing),
    early: Bytes,
    caller: Caller,
    mut admitted: Box<WebSocketPlace>,
) -> impl Future<Output = ()> + Send + 'static {
    let connection =
        Arc::new(Connection::new(out, gateway.config().limits.send_queue, gateway.clock));
    let mut reader =
        Reader::new(socket, Frames::new(early, &gateway.config().limits, gateway.clock));
    let mut conversation = Conversation::new(gateway.clone(), connection.clone(), caller);
    async move {
        tracing::debug!(connection = connection.number(), client = %conversation.address(), "a client has connected");
        let place = gateway.registry.connections.add(connection.clone());
        if !gateway.takes_work() {
            connection.drain();
        }
        let closing = converse(&connection, &gateway, &mut reader, &mut conversation).await;
        if let Some(Closing { code, reason }) = closing {
            connection.cork(std::mem::take(&mut conversation.turn.answers));
            connection.close_with(code, &reason);
        }
        // It leaves its topics and its session before the client may know that it has ended.
        while conversation.end_some() {
            yield_now().await;
        }
        let client = conversation.address();
        drop(conversation);
        reader.forget();
        drop(place);
        admitted.leave();
        let code = connection.closed_with();
        gateway.meter.count_close(code);
        tracing::debug!(connection = connection.number(), %client, code, "a connection has ended");
        part(&connection, &mut reader.socket).await;
        drop(admitted);
    }
}

/// Turn after turn. `None`: somebody else has closed the connection, or the socket has failed.
async fn converse(
    connection: &Arc<Connection>,
    gateway: &Arc<Gateway>,
    reader: &mut Reader,
    conversation: &mut Conversation,
) -> Option<Closing> {
    let mut deadline = Deadline::for_setup(gateway.config().timeouts.setup);
    let mut is_full = false;
    let mut replay = None;
    let mut flow = reader.frames.go_on(conversation);
    loop {
        settle(connection, &gateway.core.tasks, &mut conversation.turn).await;
        let mut awaited = match flow {
            Flow::Continue(()) | Flow::Break(Stop::Full) => None,
            Flow::Break(Stop::Wait(awaited)) => {
                deadline.renew_last_chance();
                Some(awaited)
            }
            Flow::Break(Stop::Close(closing)) => return Some(closing),
        };
        reader.count_unfinished(gateway, connection, conversation.is_set_up());
        if conversation.is_set_up() {
            deadline.set_up();
        }
        if conversation.is_behind() && replay.is_none() {
            replay = Some(Replay::More);
        }
        if reader.frames.owe_a_yield() {
            yield_now().await;
        }
        flow = loop {
            watch(connection, gateway, &mut deadline, reader, conversation, awaited.is_some());
            let next = tokio::select! { biased;
                () = connection.writable(), if is_full => {
                    is_full = !connection.flush();
                    None
                }
                () = connection.changed() => {
                    let status = connection.status();
                    if status.is_over {
                        return None;
                    }
                    if connection.has_lapsed() {
                        return Some(conversation.expire());
                    }
                    is_full = status.is_full;
                    None
                }
                due = deadline.passes() => match last_chance(&mut deadline, due, reader, conversation, &mut awaited) {
                    None => return Some(at_deadline(due, conversation)),
                    next => next,
                },
                next = next(reader, conversation, &mut awaited) => Some(next.ok()?),
                read = turn_of(replay.as_mut()), if replay.is_some() && !is_full => {
                    replay = Some(conversation.replay(read)).filter(|replay| !matches!(replay, Replay::Done));
                    is_full = connection.status().is_full;
                    None
                }
            };
            match next {
                Some(Next::Turn(flow)) => break flow,
                Some(Next::Answers(answers)) => {
                    connection.cork(answers);
                    connection.uncork();
                }
                None => {}
            }
            if connection.is_draining()
                && !is_full
                && !conversation.is_behind()
                && !conversation.waits_for_the_backbone()
            {
                return Some(CloseCode::GoingAway.into());
            }
        };
        connection.heard(gateway.registry.connections.tick());
    }
}

/// Before each wait: notes whether the client is read meanwhile, and what is due.
fn watch(
    connection: &Connection,
    gateway: &Gateway,
    deadline: &mut Deadline,
    reader: &mut Reader,
    conversation: &Conversation,
    is_awaited: bool,
) {
    let pause = pause(reader, conversation);
    if connection.set_read(pause.is_none() && !is_awaited, gateway.registry.connections.tick())
        && let Some(pause) = pause
    {
        gateway.meter.count_pause(pause);
    }
    // The check of a token does count: the time for `setup` is what ends one that hangs.
    deadline.set_read(pause.is_none());
    let since = reader.frames.under_way_since(|| deadline.client_now().into_std());
    deadline.set(
        conversation.expires(),
        since.map(|since| Instant::from_std(since) + gateway.config().timeouts.message),
    );
}

/// Why the client is not read now.
fn pause(reader: &Reader, conversation: &Conversation) -> Option<Pause> {
    if !conversation.turn.congested.is_empty() {
        Some(Pause::Backlog)
    } else if conversation.is_full() {
        Some(Pause::InFlight)
    } else if reader.frames.is_paused() {
        Some(Pause::FrameRate)
    } else {
        None
    }
}

/// What the client sent in time counts, also if the gateway itself is late: one more turn, if there
/// is one at this moment.
fn last_chance(
    deadline: &mut Deadline,
    due: Due,
    reader: &mut Reader,
    conversation: &mut Conversation,
    awaited: &mut Option<BoxFuture<'static, Awaited>>,
) -> Option<Next> {
    if !deadline.allows_last_chance(due) {
        return None;
    }
    next(reader, conversation, awaited).now_or_never()?.ok()
}

fn at_deadline(due: Due, conversation: &mut Conversation) -> Closing {
    let why = match due {
        Due::Token => return conversation.expire(),
        Due::Setup => "no setup in time",
        Due::Message => "no whole message in time",
    };
    Closing { reason: why.into(), ..CloseCode::Timeout.into() }
}

/// When the next batch of a replay may go: others run first. Gives what was read for it.
/// Cancel-safe.
async fn turn_of(replay: Option<&mut Replay>) -> Option<Arc<Page>> {
    match replay {
        Some(Replay::Wait(until)) => until.await,
        Some(Replay::Read(read)) => return (&mut read.0).await,
        _ => yield_now().await,
    }
    None
}

/// What a connection's task goes on with.
enum Next {
    /// The client's frames were handled.
    Turn(Flow),
    /// The backbone has answered publishes.
    Answers(Vec<u8>),
}

/// The next turn; first what a frame waits for has to be known, topics that lag have to catch up,
/// the backbone has to answer if too much waits for it, and the client's pause has to be over.
/// Cancel-safe.
async fn next(
    reader: &mut Reader,
    conversation: &mut Conversation,
    awaited: &mut Option<BoxFuture<'static, Awaited>>,
) -> io::Result<Next> {
    if !conversation.turn.congested.is_empty() {
        // Boxed: it is rare, and would take a tenth of each connection's task.
        Box::pin(below_backlog(&mut conversation.turn.congested)).await;
        return Ok(Next::Turn(Flow::Continue(())));
    }
    poll_fn(|cx| {
        if let Poll::Ready(answers) = conversation.poll_backbone(cx) {
            return Poll::Ready(Ok(Next::Answers(answers)));
        }
        if let Some(future) = awaited {
            let known = ready!(future.as_mut().poll(cx));
            *awaited = None;
            return Poll::Ready(Ok(Next::Turn(match conversation.go_on(known) {
                Flow::Continue(()) => reader.frames.go_on(conversation),
                stop => stop,
            })));
        }
        if conversation.is_full() {
            return Poll::Pending;
        }
        if ready!(reader.frames.poll_pause(cx)) {
            return Poll::Ready(Ok(Next::Turn(Flow::Continue(()))));
        }
        reader.poll_turn(cx, conversation).map_ok(Next::Turn)
    })
    .await
}

/// Waits until none of these topics lags by more than it may. Cancel-safe: those that do not are
/// taken out one by one.
async fn below_backlog(congested: &mut Vec<Arc<Topic<Connection>>>) {
    while let Some(topic) = congested.last() {
        topic.below_backlog().await;
        congested.pop();
    }
}

/// Sends what a turn has collected. Where a big fan-out is due the answers go first: the publisher
/// fills its window again while it runs. Else they wait for the messages of the same turn, to leave
/// in one write with them.
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
        if at > 0 && at.is_multiple_of(PASSES_PER_YIELD) {
            yield_now().await;
        }
    }
    connection.uncork();
    let Some(first) = due.pop() else { return };
    for _ in 0..COMBINE_TURNS {
        yield_now().await;
    }
    due.into_iter().rev().for_each(|fan_out| drop(tasks.spawn(fan_out::to_the_end(fan_out))));
    one_pass(first, tasks).await;
}

/// The publisher makes the first pass itself. What came in meanwhile is not its business: that gets
/// a task of its own.
#[allow(clippy::manual_async_fn, reason = "the future of an `async fn` would hold the right twice")]
fn one_pass(mut fan_out: FanOut<Connection>, tasks: &TaskTracker) -> impl Future<Output = ()> {
    async move {
        loop {
            match fan_out.step() {
                Step::Yield => yield_now().await,
                Step::More => {
                    tasks.spawn(fan_out::to_the_end(fan_out));
                    return;
                }
                Step::Done => return,
            }
        }
    }
}

/// Sends the last bytes, then waits a little for the client to close as well: a socket that is
/// closed with something unread resets the connection, and the client might never see why.
pub(crate) async fn part(connection: &Connection, socket: &mut Incoming) {
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
    use crate::{
        access::Rights,
        auth::{Authenticator, Expiry, Identity, Refused},
        config::Config,
        socket::pipe,
    };
    use futures_util::{FutureExt, future::ready};
    use protocol::UserId;
    use std::net::IpAddr;
    use tokio::time::sleep;

    /// Gives out tokens that are good for an hour by the monotonic clock, and have ended by the
    /// wall clock: as if the machine had been suspended since.
    #[derive(Debug)]
    struct Suspended;

    impl Authenticator for Suspended {
        fn authenticate<'a>(
            &'a self,
            token: &'a str,
            _from: Option<IpAddr>,
        ) -> BoxFuture<'a, Result<Identity, Refused>> {
            let expires =
                Expiry { instant: Instant::now() + Duration::from_secs(3600), unix_seconds: 1 };
            let user = UserId::new(token.to_owned()).unwrap();
            ready(Ok(Identity { user, rights: Rights::all(), expires: Some(expires) })).boxed()
        }

        fn renews(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_ended_while_the_machine_was_suspended_ends_the_connection() {
        let gateway = Arc::new(
            Gateway::new(Config::default()).unwrap().with_authenticator(Box::new(Suspended)),
        );
        let client = pipe::Client::connect(&gateway, 4096, None);
        let setup = br#"{"type":"setup","token":"ann"}"#;
        client.send(&[&[0x81, 0x80 | setup.len() as u8, 0, 0, 0, 0], &setup[..]].concat());
        let heartbeat = async {
            tokio::select! {
                () = gateway.registry.connections.keep_alive(Duration::from_secs(25)) => {}
                () = sleep(Duration::from_secs(13)) => {}
            }
        };
        heartbeat.await;
        let said: Vec<u8> =
            std::iter::from_fn(|| client.take(usize::MAX)).flat_map(|(_, bytes)| bytes).collect();
        let text = String::from_utf8_lossy(&said);
        assert!(
            text.contains(r#""expiresInMs":3600000"#) && text.contains("TOKEN_EXPIRED"),
            "{text}"
        );
        assert!(
            said.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 4401_u16.to_be_bytes()),
            "{said:?}"
        );
    }

    /// Of the future that a function gives.
    fn size<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_small() {
        let (task, shared) = (size(connection), size_of::<Connection>());
        // With what tokio puts around it, the task then takes 1 KiB; with the counts of its `Arc`,
        // the rest is in the class of 224 bytes.
        assert!(task <= 912 && shared <= 200, "{task} and {shared} bytes");
    }
}
