//! Publishing, over a connection of its own: what waits there holds up no barrier and no live
//! message. Messages are handed over within the call, in order, and sent by one task.
//!
//! What was sent over a connection that breaks before the acknowledgement has an unknown outcome;
//! what was not sent yet waits for the next connection. Nothing is sent twice, since a message that
//! is stored by a second try may come behind a later one: the client repeats it under the same key.

use super::{
    Fleet,
    ack::{self, Ack},
    connection::Connection,
    direct, key,
    session::Session,
    subject,
};
use crate::{
    backbone::{Message, Outcome, retry::Retry},
    dedup::Place,
};
use async_nats::{HeaderMap, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

/// Publishes that wait for their acknowledgement; a further one is refused.
const WINDOW: usize = 16 * 1024;

/// What they may take together, in bytes.
const WINDOW_BYTES: usize = 64 * 1024 * 1024;

/// For finding out the topic of a duplicate.
const PLACE_LIMIT: Duration = Duration::from_secs(1);

/// What the server says of a publish.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Stored(u64),
    Duplicate(u64),
    Refused,
}

/// A message that is handed over.
struct Outgoing {
    ticket: u64,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

/// Where publishes are handed over.
#[derive(Debug)]
pub(super) struct Publisher {
    queue: mpsc::Sender<Outgoing>,
    waiting: Arc<Waiting>,
}

/// The other end of a [`Publisher`].
#[derive(Debug)]
pub(super) struct Queue(mpsc::Receiver<Outgoing>, Arc<Waiting>);

/// What waits for an acknowledgement.
#[derive(Debug, Default)]
struct Waiting {
    tickets: AtomicU64,
    bytes: AtomicUsize,
    by_ticket: Mutex<HashMap<u64, Ticket, ahash::RandomState>>,
}

#[derive(Debug)]
struct Ticket {
    /// `None`: its outcome is unknown.
    tell: oneshot::Sender<Option<Answer>>,
    is_sent: bool,
}

/// Dropped, the publish is not waited for.
struct Held {
    waiting: Arc<Waiting>,
    ticket: u64,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.waiting.by_ticket.lock().remove(&self.ticket);
        self.waiting.bytes.fetch_sub(self.bytes, Relaxed);
    }
}

impl Publisher {
    pub(super) fn new() -> (Self, Queue) {
        let (queue, queued) = mpsc::channel(WINDOW);
        let waiting = Arc::<Waiting>::default();
        (Self { queue, waiting: waiting.clone() }, Queue(queued, waiting))
    }

    /// Publishes that wait for their acknowledgement.
    pub(super) fn in_flight(&self) -> usize {
        self.waiting.by_ticket.lock().len()
    }

    /// As [`crate::backbone::Backbone::publish`].
    pub(super) fn publish(
        &self,
        fleet: &Arc<Fleet>,
        message: Message,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let handed_over = self.hand_over(fleet, &message);
        let fleet = fleet.clone();
        async move {
            let Some((_held, answered, begin)) = handed_over else { return Outcome::Refused };
            let answer = answered.await.ok().flatten();
            if let Some(Answer::Stored(_) | Answer::Duplicate(_)) = answer {
                fleet.latency.record(begin.elapsed(), 1);
            }
            match answer {
                None => Outcome::Unknown,
                Some(Answer::Refused) => Outcome::Refused,
                Some(Answer::Stored(seq_no)) => {
                    let shard = subject::shard_of(&message.topic, fleet.numberings.len());
                    fleet.numberings[shard].highest.fetch_max(seq_no, Relaxed);
                    Outcome::Stored(seq_no)
                }
                Some(Answer::Duplicate(seq_no)) => {
                    Outcome::Duplicate(place(&fleet, message.topic, seq_no).await)
                }
            }
        }
    }

    /// `None`: there is no room.
    fn hand_over(
        &self,
        fleet: &Fleet,
        message: &Message,
    ) -> Option<(Held, oneshot::Receiver<Option<Answer>>, Instant)> {
        let Message { topic, user, message_id, data } = message;
        let names = &fleet.names[subject::shard_of(topic, fleet.names.len())];
        let mut headers = HeaderMap::new();
        headers.insert(key::HEADER, key::encode(user, message_id));
        let payload = Bytes::copy_from_slice(data.get().as_bytes());
        let (waiting, bytes) = (&self.waiting, payload.len());
        let ticket = waiting.tickets.fetch_add(1, Relaxed);
        let before = waiting.bytes.fetch_add(bytes, Relaxed);
        // Gives everything back if it is dropped here.
        let held = Held { waiting: waiting.clone(), ticket, bytes };
        if before > WINDOW_BYTES {
            return None;
        }
        let (tell, told) = oneshot::channel();
        {
            let mut by_ticket = waiting.by_ticket.lock();
            if by_ticket.len() >= WINDOW {
                drop(by_ticket);
                return None;
            }
            by_ticket.insert(ticket, Ticket { tell, is_sent: false });
        }
        let outgoing = Outgoing { ticket, subject: names.messages(topic), headers, payload };
        self.queue.try_send(outgoing).ok()?;
        Some((held, told, Instant::now()))
    }
}

impl Waiting {
    /// Whether something still waits for it. Notes that it is sent.
    fn send(&self, ticket: u64) -> bool {
        let mut by_ticket = self.by_ticket.lock();
        by_ticket.get_mut(&ticket).map(|ticket| ticket.is_sent = true).is_some()
    }

    fn answer(&self, ticket: u64, answer: Answer) {
        let found = self.by_ticket.lock().remove(&ticket);
        if let Some(found) = found {
            let _ = found.tell.send(Some(answer));
        }
    }

    /// What was sent has an unknown outcome.
    fn give_up(&self) {
        let sent: Vec<_> = self.by_ticket.lock().extract_if(|_, ticket| ticket.is_sent).collect();
        for (_, ticket) in sent {
            let _ = ticket.tell.send(None);
        }
    }
}

/// Sends what is handed over, for ever, over one connection after the other.
pub(super) async fn send(fleet: Weak<Fleet>, Queue(mut queued, waiting): Queue) {
    let mut retry = Retry::new();
    loop {
        let Some(fleet) = fleet.upgrade() else { return };
        let settings = fleet.settings.clone();
        drop(fleet);
        match Connection::open(&settings, retry.server(&settings.urls)).await {
            Ok(connection) => {
                retry.succeeded();
                let connection = Arc::new(connection);
                over(&connection, &mut queued, &waiting).await;
                connection.end();
                waiting.give_up();
                if queued.is_closed() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "no connection for publishing"),
        }
        retry.pause().await;
    }
}

/// Sends over this connection until it is over.
async fn over(
    connection: &Arc<Connection>,
    queued: &mut mpsc::Receiver<Outgoing>,
    waiting: &Arc<Waiting>,
) {
    let client = connection.client();
    let inbox = client.new_inbox();
    let Ok(answers) = client.subscribe(format!("{inbox}.*")).await else { return };
    let receive = receive(connection.clone(), answers, waiting.clone());
    let send = async {
        while let Some(outgoing) = queued.recv().await {
            if !waiting.send(outgoing.ticket) {
                continue;
            }
            let Outgoing { ticket, subject, headers, payload } = outgoing;
            let reply = format!("{inbox}.{ticket}");
            let sent =
                client.publish_with_reply_and_headers(subject, reply, headers, payload).await;
            if sent.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = receive => {}
        () = send => {}
        () = connection.until_over() => {}
    }
}

async fn receive(connection: Arc<Connection>, mut answers: Subscriber, waiting: Arc<Waiting>) {
    while let Some(answer) = answers.next().await {
        if connection.is_over() {
            return;
        }
        let ticket = answer.subject.rsplit('.').next().and_then(|ticket| ticket.parse().ok());
        if let Some(ticket) = ticket {
            waiting.answer(ticket, read(&answer));
        }
    }
}

/// An error says that the message was not stored, and so does a subject that no stream listens to.
fn read(answer: &async_nats::Message) -> Answer {
    if answer.status.is_some_and(|status| status != StatusCode::OK) {
        return Answer::Refused;
    }
    match ack::read(&answer.payload) {
        Ok(Ack { seq_no, is_duplicate: true }) => Answer::Duplicate(seq_no),
        Ok(Ack { seq_no, is_duplicate: false }) => Answer::Stored(seq_no),
        Err(_) => {
            tracing::debug!(answer = ?answer.payload, "a publish was refused");
            Answer::Refused
        }
    }
}

/// The topic of a stored message. If that cannot be found out, it is taken to be `topic`, to which
/// the repeat was published: a client repeats a publish as it was.
async fn place(fleet: &Arc<Fleet>, topic: hub::topic::Name, seq_no: u64) -> Place {
    let found = timeout(PLACE_LIMIT, async {
        const PAUSE: Duration = Duration::from_millis(20);
        loop {
            let session = fleet.session().await;
            match find(&session, &topic, seq_no).await {
                Some(found) => return found,
                None => sleep(PAUSE).await,
            }
        }
    });
    let topic = found.await.unwrap_or(topic);
    Place { topic: Arc::new(topic), seq_no }
}

async fn find(
    session: &Session,
    topic: &hub::topic::Name,
    seq_no: u64,
) -> Option<hub::topic::Name> {
    let shard = session.shard(topic);
    let found = direct::one(&shard.connection, &shard.names.stream, seq_no).await.ok()??;
    shard.names.topic(&found.subject)
}
