//! A backbone whose message ids are remembered by a Redis server, for all of its logs together. The
//! log's own memory of message ids stays as the second line: it has the last word on a repeat of the
//! same topic while the fate of the first one is unknown.
//!
//! A publish is a claim, then a message in the log, then a commit of its place. A claim is put into the
//! line of calls within [`Backbone::publish`]; its answer comes in the line's order, and with it the
//! message is handed to the log before the next answer is looked at. So messages keep the order of
//! their publishes. A claim that has to wait for another one leaves that order.

use super::{
    Attached, Backbone, Description, Figures, Head, Health, Inbox, Message, Outcome, Part,
    ReadBudget, ReadError, Unavailable,
};
use crate::{
    chance,
    dedup::Place,
    redis::{Attempt, Claims, Lost, Reply, Verdict},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use hub::topic::Name;
use protocol::Epoch;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::sleep,
};

/// Publishes whose claim is under way; a further one is refused.
const WINDOW: usize = 16 * 1024;

/// What they may take together, in bytes.
const WINDOW_BYTES: usize = 64 * 1024 * 1024;

/// Between two looks at a lease that another publish has. The first pause, doubled with each one.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A log, and where the message ids are.
#[derive(Debug)]
pub struct Claimed {
    log: Arc<dyn Backbone>,
    claims: Claims,
    room: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A publish has room for as long as this is there.
#[derive(Debug)]
struct Room {
    _publish: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// A publish, until its message is handed to the log.
struct Publish {
    log: Arc<dyn Backbone>,
    claims: Claims,
    attempt: Attempt,
    message: Message,
    room: Room,
}

/// What a claim has led to.
enum Step {
    /// The message is in the log's hands.
    HandedOver(BoxFuture<'static, Outcome>, Room),
    /// Another publish may have it for this long.
    Wait(Box<Publish>, Duration),
    /// There is nothing to do.
    Over(Outcome),
}

/// Takes the answer to a claim.
struct Turn {
    publish: Publish,
    tell: oneshot::Sender<Step>,
}

impl Claimed {
    /// `log`'s messages have their ids in `claims`.
    #[must_use]
    pub(crate) fn new(log: Arc<dyn Backbone>, claims: Claims) -> Self {
        let (room, bytes) = (Semaphore::new(WINDOW), Semaphore::new(WINDOW_BYTES));
        Self { log, claims, room: Arc::new(room), bytes: Arc::new(bytes) }
    }

    /// `None`: there are too many publishes under way.
    fn room(&self, message: &Message) -> Option<Room> {
        let bytes = u32::try_from(message.data.get().len()).ok()?;
        let publish = self.room.clone().try_acquire_owned().ok()?;
        let bytes = self.bytes.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Room { _publish: publish, _bytes: bytes })
    }
}

impl Publish {
    /// Puts the claim into the line, within the call.
    fn claim(self) -> oneshot::Receiver<Step> {
        let (claims, attempt) = (self.claims.clone(), self.attempt.clone());
        let (tell, told) = oneshot::channel();
        claims.claim(&attempt, Box::new(Turn { publish: self, tell }));
        told
    }
}

impl Reply<Verdict> for Turn {
    fn is_wanted(&self) -> bool {
        !self.tell.is_closed()
    }

    fn take(self: Box<Self>, answer: Result<Verdict, Lost>) {
        let Self { publish, tell } = *self;
        let step = match answer {
            // If the publish was dropped, a message in the log would have an unknown outcome for no
            // reason.
            Ok(Verdict::Go) if !tell.is_closed() => {
                Step::HandedOver(publish.log.publish(publish.message), publish.room)
            }
            Ok(Verdict::Duplicate(place)) => Step::Over(Outcome::Duplicate(place)),
            Ok(Verdict::Leased(left)) => Step::Wait(Box::new(publish), left),
            // Nothing is handed over, so if the claim was made, it is not needed.
            Ok(Verdict::Go) | Err(Lost) => {
                publish.claims.release(publish.attempt);
                Step::Over(Outcome::Refused)
            }
        };
        let _ = tell.send(step);
    }
}

/// From the claim to the commit. Dropped, a claim that was made stays as a lease.
async fn settle(claims: Claims, attempt: Attempt, mut claimed: oneshot::Receiver<Step>) -> Outcome {
    let mut pause = FIRST_LOOK;
    let (outcome, _room) = loop {
        match claimed.await {
            // The line has ended, or the claim had no room in it.
            Err(_) => return Outcome::Refused,
            Ok(Step::Over(outcome)) => return outcome,
            Ok(Step::HandedOver(outcome, room)) => break (outcome.await, room),
            Ok(Step::Wait(publish, left)) => {
                sleep(chance::part_of(pause, 0.5).min(left)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                claimed = publish.claim();
            }
        }
    };
    match outcome {
        Outcome::Stored(seq_no) => {
            let own = Place { topic: Arc::new(attempt.topic().clone()), seq_no };
            match claims.commit(attempt, own.clone()).await {
                Ok(noted) if noted == own => Outcome::Stored(seq_no),
                Ok(noted) => Outcome::Duplicate(noted),
                Err(Lost) => Outcome::Unknown,
            }
        }
        Outcome::Duplicate(place) => match claims.commit(attempt, place).await {
            Ok(noted) => Outcome::Duplicate(noted),
            Err(Lost) => Outcome::Unknown,
        },
        Outcome::Refused => {
            claims.release(attempt);
            Outcome::Refused
        }
        Outcome::Unknown => Outcome::Unknown,
    }
}

impl Backbone for Claimed {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        let Some(room) = self.room(&message) else { return ready(Outcome::Refused).boxed() };
        let (log, claims) = (self.log.clone(), self.claims.clone());
        let attempt = claims.attempt(&message.key(), message.topic.clone());
        let publish =
            Publish { log, claims: claims.clone(), attempt: attempt.clone(), message, room };
        settle(claims, attempt, publish.claim()).boxed()
    }

    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        self.log.attach(topic, inbox)
    }

    fn head(&self, topic: &Name) -> BoxFuture<'static, Result<Head, Unavailable>> {
        self.log.head(topic)
    }

    fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>> {
        self.log.read(topic, epoch, after, budget)
    }

    fn renumber(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>> {
        self.log.renumber(topic, epoch)
    }

    /// The log's: the gateway asks the Redis server itself, also if it keeps only sessions.
    fn health(&self) -> Health {
        self.log.health()
    }

    fn introduce(&self, own: Description) {
        self.log.introduce(own);
    }

    fn others(&self) -> BoxFuture<'static, Vec<Vec<u8>>> {
        self.log.others()
    }

    fn figures(&self) -> Figures {
        self.log.figures()
    }
}

#[cfg(test)]
mod tests;
