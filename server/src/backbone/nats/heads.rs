//! Proved heads. A head is read from any replica and accepted only if the replica has come as far as
//! a barrier that was stored after the question was asked. One barrier and one request serve all
//! that wait.

use super::{direct, live::Known, shard::Shard, stored::Stored};
use crate::backbone::{Head, Unavailable};
use hub::topic::Name;
use protocol::{Epoch, MessageId};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

/// Between two looks at a replica that lags, and two barriers that failed.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks at replicas for one barrier.
const TRIES: usize = 25;

/// Questions that may wait for the next round; further ones wait for a place.
const WAITING: usize = 4_096;

/// Bytes of a request's subjects: below every server's `max_payload`.
const REQUEST: usize = 256 * 1024;

/// What a proof says of one topic.
#[derive(Debug, Clone)]
pub(super) struct Proved {
    /// The life of the numbering.
    pub(super) epoch: Arc<Epoch<'static>>,
    /// The newest message that is kept, with its id. `None`: none is kept.
    pub(super) last: Option<(u64, Option<MessageId<'static>>)>,
    /// The proof says everything up to this number.
    pub(super) up_to: u64,
}

/// What a proof says of a list of subjects.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) epoch: Arc<Epoch<'static>>,
    pub(super) up_to: u64,
    /// The last message of each subject that has one.
    pub(super) found: HashMap<String, Stored>,
}

struct Question {
    topic: Name,
    answer: oneshot::Sender<Proved>,
}

/// Asks for proved heads of one shard's topics.
#[derive(Debug)]
pub(super) struct Heads(mpsc::Sender<Question>);

/// The other end of [`Heads`].
#[derive(Debug)]
pub(super) struct Questions(mpsc::Receiver<Question>);

impl Heads {
    pub(super) fn new() -> (Self, Questions) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), Questions(asked))
    }

    /// What the log has of a topic at its end. Waits for as long as it cannot be proved. Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: the connection has ended.
    pub(super) async fn prove(&self, topic: &Name) -> Result<Proved, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let question = Question { topic: topic.clone(), answer };
        self.0.send(question).await.map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)
    }
}

/// Answers questions, for ever.
pub(super) async fn answer(shard: Arc<Shard>, Questions(mut asked): Questions) {
    let mut round = Vec::new();
    while asked.recv_many(&mut round, direct::MOST).await > 0 {
        while !round.is_empty() {
            // What is not waited for any more has reached its time limit.
            round.retain(|question| !question.answer.is_closed());
            let count = fitting(round.iter().map(|question| &question.topic), &shard);
            let subjects =
                round[..count].iter().map(|question| shard.names.messages(&question.topic));
            let subjects: Vec<_> = subjects.collect();
            match prove(&shard, &subjects, 0).await {
                Ok(proof) => {
                    for (question, subject) in round.drain(..count).zip(subjects) {
                        let last = proof.found.get(&subject);
                        let last = last.map(|found| (found.seq_no, found.message_id()));
                        let (epoch, up_to) = (proof.epoch.clone(), proof.up_to);
                        let _ = question.answer.send(Proved { epoch, last, up_to });
                    }
                }
                Err(Unavailable) => sleep(PAUSE).await,
            }
        }
    }
}

/// How many of these topics fit into one request.
pub(super) fn fitting<'a>(topics: impl Iterator<Item = &'a Name>, shard: &Shard) -> usize {
    let mut bytes = 0;
    let fits = |topic: &Name| {
        bytes += shard.names.messages(topic).len() + 3;
        bytes <= REQUEST
    };
    topics.take(direct::MOST).map(fits).take_while(|fits| *fits).count().max(1)
}

/// Reads the last message of each subject, without those below `from`, behind a new barrier.
pub(super) async fn prove(
    shard: &Shard,
    subjects: &[String],
    from: u64,
) -> Result<Proof, Unavailable> {
    let barrier = shard.barriers.pass().await?;
    let life = shard.names.life();
    let mut asked = subjects.to_vec();
    asked.extend([shard.names.barrier(), life.clone()]);
    for _ in 0..TRIES {
        let epoch = shard.numbering.epoch().ok_or(Unavailable)?;
        let answer = direct::last_of(&shard.connection, &shard.names.stream, &asked, from).await?;
        if answer.up_to < barrier {
            sleep(PAUSE).await;
            continue;
        }
        let found: HashMap<_, _> =
            answer.messages.into_iter().map(|found| (found.subject.clone(), found)).collect();
        if found.get(&life).is_some_and(|found| !shard.numbering.is(found.payload())) {
            // Another gateway has begun a life.
            shard.unsettled.notify_one();
            return Err(Unavailable);
        }
        return Ok(Proof { epoch, up_to: answer.up_to, found });
    }
    Err(Unavailable)
}

/// The head that a proof says, for a topic of which `known` was proved before.
///
/// If no message of the topic is kept, and none can have come and gone since the earlier proof, the
/// head is the earlier one. Else it is the end of the proof: nothing of the topic lies between it
/// and the next message.
pub(super) async fn head(shard: &Shard, proved: &Proved, known: Option<Known>) -> Head {
    let Proved { epoch, last, up_to } = proved;
    let (seq_no, message_id) = match (last, known) {
        (Some((seq_no, message_id)), _) => (*seq_no, message_id.clone()),
        (None, Some(known)) if known.epoch == *epoch && shard.keeps_all_since(&known).await => {
            (known.head, None)
        }
        (None, _) => (*up_to, None),
    };
    Head { epoch: epoch.clone(), seq_no, message_id }
}
