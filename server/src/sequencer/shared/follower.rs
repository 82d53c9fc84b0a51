//! One attached topic: takes the events of its log. What cannot be taken at once is caught up with
//! by reading the log, see [`super::catch_up`].

use super::{Reach, catch_up};
use crate::{
    backbone::{Demand, Event, Head, Record, Unavailable},
    completion::{Completion, Operation},
    sequencer::fan_out,
};
use hub::{
    Sink, Topic,
    clock::Micros,
    topic::{self, Received},
};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use tokio::time::timeout;

#[derive(Debug)]
pub(super) struct Follower<S: Sink> {
    pub(super) reach: Arc<Reach<S>>,
    pub(super) name: topic::Name,
    /// Weak: the topic holds its attachment, and with it this.
    topic: Weak<Topic<S>>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Events are taken as they come.
    Live,
    /// A task reads the log.
    CatchingUp(Behind),
}

/// What a follower has seen of its log since it began to catch up.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// The log has at least this number.
    seen: u64,
    /// A number came a second time: it has to be checked whether the numbering went back.
    pub(super) in_doubt: bool,
    /// Complete when the follower has caught up.
    operation: Operation,
}

impl<S: Sink> Follower<S> {
    pub(super) fn new(reach: Arc<Reach<S>>, name: topic::Name, topic: Weak<Topic<S>>) -> Self {
        Self { reach, name, topic, state: Mutex::new(State::Live) }
    }

    /// `None`: the topic was forgotten.
    pub(super) fn topic(&self) -> Option<Arc<Topic<S>>> {
        self.topic.upgrade()
    }

    pub(super) fn deliver(self: &Arc<Self>, event: &Event) -> Demand {
        let Some(topic) = self.topic() else { return Demand::Pause };
        let mut state = self.state.lock();
        let behind = match &mut *state {
            State::CatchingUp(behind) => {
                behind.see(event, &topic);
                return Demand::Pause;
            }
            State::Live => match event {
                Event::Record(record) => self.take(&topic, record),
                Event::Head(head) => compare(&topic, head),
            },
        };
        match behind {
            None => Demand::More,
            Some(behind) => {
                self.begin(&mut state, behind);
                Demand::Pause
            }
        }
    }

    /// `None`: the record was taken.
    fn take(&self, topic: &Arc<Topic<S>>, record: &Record) -> Option<Behind> {
        match receive(&self.reach, topic, record) {
            Took::All => None,
            Took::Congested => Some(Behind::default()),
            Took::Nothing { in_doubt } => Some(Behind { in_doubt, ..Behind::default() }),
        }
    }

    fn begin(self: &Arc<Self>, state: &mut State, behind: Behind) {
        *state = State::CatchingUp(behind);
        self.reach.core.tasks.spawn(catch_up::run(self.clone()));
    }

    /// Until everything that the log had when this was called is here, or was told as lost.
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`Unavailable`]: that takes longer than a question may.
    pub(super) async fn to_the_end(self: &Arc<Self>) -> Result<(), Unavailable> {
        let completion = self.start();
        let caught_up = timeout(self.reach.limits.attach_timeout, completion.wait());
        caught_up.await.map_err(|_| Unavailable)
    }

    fn start(self: &Arc<Self>) -> Completion {
        let mut state = self.state.lock();
        if matches!(*state, State::Live) {
            self.begin(&mut state, Behind::default());
        }
        match &mut *state {
            State::CatchingUp(behind) => {
                // A proof that began before this call may be too old.
                behind.seen = u64::MAX;
                behind.operation.completion()
            }
            State::Live => Operation::default().completion(),
        }
    }

    /// Before a proof of the log's head: what is seen from here on is not covered by it. Gives
    /// whether the numbering is in doubt.
    pub(super) fn begin_proof(&self) -> bool {
        match &mut *self.state.lock() {
            State::CatchingUp(behind) => {
                behind.seen = 0;
                std::mem::take(&mut behind.in_doubt)
            }
            State::Live => false,
        }
    }

    /// The topic is at the proved head. True: and nothing was seen meanwhile that is above it, so
    /// that events are taken again.
    pub(super) fn go_live(&self, head: u64) -> bool {
        let mut state = self.state.lock();
        match &*state {
            State::CatchingUp(behind) if behind.seen > head || behind.in_doubt => return false,
            _ => {}
        }
        *state = State::Live;
        true
    }

    /// A proof of the numbering that was begun has failed.
    pub(super) fn doubt(&self, in_doubt: bool) {
        if let State::CatchingUp(behind) = &mut *self.state.lock() {
            behind.in_doubt |= in_doubt;
        }
    }

    /// The topic was forgotten: nothing waits any longer.
    pub(super) fn stop(&self) {
        *self.state.lock() = State::Live;
    }
}

impl Behind {
    fn see<S: Sink>(&mut self, event: &Event, topic: &Topic<S>) {
        let (epoch, seq_no) = match event {
            Event::Record(record) => (&record.epoch, record.seq_no),
            Event::Head(head) => (&head.epoch, head.seq_no),
        };
        let Some(followed) = topic.followed() else { return };
        if **epoch != *followed.epoch {
            // The next proof tells which of the two is the present life.
            self.seen = u64::MAX;
        } else if seq_no > followed.head {
            self.seen = self.seen.max(seq_no);
        } else if let Event::Record(record) = event {
            self.in_doubt |= !topic.knows_record(&as_hub(record, Micros::default()));
        } else {
            self.in_doubt |= seq_no < followed.head;
        }
    }
}

/// What became of a record.
pub(super) enum Took {
    /// It is here.
    All,
    /// It is here, and the topic lags.
    Congested,
    /// It does not prove to be the next one.
    Nothing { in_doubt: bool },
}

/// Gives a record to its topic, and has it fanned out.
pub(super) fn receive<S: Sink>(reach: &Reach<S>, topic: &Arc<Topic<S>>, record: &Record) -> Took {
    let published = topic.now().before(record.age);
    match topic.receive(&as_hub(record, published)) {
        Received::Taken { congested, fan_out } => {
            if let Some(fan_out) = fan_out {
                reach.core.tasks.spawn(fan_out::to_the_end(fan_out));
            }
            if congested { Took::Congested } else { Took::All }
        }
        Received::Known | Received::Retired => Took::All,
        Received::Hole => Took::Nothing { in_doubt: false },
        Received::Stale => Took::Nothing { in_doubt: true },
    }
}

/// `None`: the topic is at this head.
fn compare<S: Sink>(topic: &Topic<S>, head: &Head) -> Option<Behind> {
    let followed = topic.followed()?;
    let is_at_head = *followed.epoch == *head.epoch && followed.head == head.seq_no;
    let in_doubt = head.seq_no < followed.head;
    (!is_at_head).then(|| Behind { in_doubt, ..Behind::default() })
}

pub(super) fn as_hub(record: &Record, published: Micros) -> topic::Record<'_> {
    topic::Record {
        epoch: record.epoch.as_str(),
        seq_no: record.seq_no,
        prev: record.prev,
        message_id: &record.message_id,
        data: record.data.get(),
        published,
    }
}

/// The end of a log, for the topic that follows it.
pub(super) fn head_as_hub(head: &Head) -> topic::Head<'_> {
    topic::Head {
        epoch: (*head.epoch).clone(),
        seq_no: head.seq_no,
        message_id: head.message_id.as_ref(),
    }
}
