//! Sparse numbers: whatever a topic has proved of its log, each message names a number as its
//! predecessor that its subscriber knows of, and no message lies between the two. Several topics
//! stand for the gateways that follow one log; a subscriber moves from one to the other.

use super::{EPOCHS, LIMITS, name, new_epoch};
use crate::{
    Directory, Instruments, Joined, Owner, Sink, Start, Step, Subscription, Topic,
    clock::{Clock, Micros},
    history::{self, Budget},
    topic::{self, CatchUp, Liveness, Page, Received},
};
use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use proptest::prelude::*;
use protocol::{Epoch, MessageId, Position, SeqNo, ServerFrame};
use std::sync::{Arc, atomic::Ordering};

const LIFE: &str = "life";

/// A subscriber, and the number that it knows of.
#[derive(Debug, Default)]
struct Knowing {
    known: Mutex<u64>,
    faults: Mutex<Vec<String>>,
    truth: Arc<Mutex<Vec<u64>>>,
}

impl Sink for Knowing {
    fn deliver(&self, subscription: &Liveness, frames: &Bytes) {
        if subscription.is_live() {
            self.take(frames);
        }
    }
}

impl Knowing {
    fn take(&self, frames: &Bytes) {
        let mut rest = frames.clone();
        while rest.has_remaining() {
            rest.advance(1);
            let len = match rest.get_u8() {
                126 => rest.get_u16() as usize,
                short => short as usize,
            };
            let text = rest.split_to(len);
            let text = std::str::from_utf8(&text).unwrap();
            let ServerFrame::Message(message) = ServerFrame::parse(text).unwrap() else {
                panic!("{text}")
            };
            let (seq_no, mut known) = (message.seq_no.get(), self.known.lock());
            let prev = message.prev_seq_no.map_or(seq_no - 1, SeqNo::get);
            let truth = self.truth.lock();
            let between = truth.iter().find(|number| (prev + 1..seq_no).contains(number));
            if prev > *known || seq_no <= *known || between.is_some() {
                self.faults.lock().push(format!("{text} behind {known}, between: {between:?}"));
            }
            *known = seq_no;
        }
    }
}

#[derive(Debug, Clone)]
enum Action {
    /// A message, so many numbers behind the end of the log.
    Message(u64),
    /// The log's numbers go on without a message of the topic, and this gateway proves it.
    Prove(u64, usize),
    /// This gateway begins to follow the log.
    Attach(usize),
    /// This subscriber goes to that gateway.
    Move(usize, usize),
    /// It gets so many messages of what it has missed.
    CatchUp(usize, usize),
}

const GATEWAYS: usize = 2;
const READERS: usize = 3;

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..4_u64).prop_map(Action::Message),
        3 => (1..4_u64, 0..GATEWAYS).prop_map(|(more, at)| Action::Prove(more, at)),
        1 => (0..GATEWAYS).prop_map(Action::Attach),
        3 => (0..READERS, 0..GATEWAYS).prop_map(|(reader, at)| Action::Move(reader, at)),
        4 => (0..READERS, 1..4_usize).prop_map(|(reader, count)| Action::CatchUp(reader, count)),
    ]
}

struct World {
    truth: Arc<Mutex<Vec<u64>>>,
    end: u64,
    gateways: Vec<Arc<Topic<Knowing>>>,
    readers: Vec<(Arc<Knowing>, Option<Subscription<Knowing>>)>,
}

impl World {
    fn new() -> Self {
        let truth = Arc::<Mutex<Vec<u64>>>::default();
        let reader = || Arc::new(Knowing { truth: truth.clone(), ..Knowing::default() });
        Self {
            end: 0,
            gateways: (0..GATEWAYS).map(|_| follow(0)).collect(),
            readers: (0..READERS).map(|_| (reader(), None)).collect(),
            truth,
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Message(gap) => {
                self.end += gap;
                self.truth.lock().push(self.end);
                for topic in &self.gateways {
                    let prev = topic.followed().unwrap().head;
                    let received = with_record(self.end, prev, |record| topic.receive(record));
                    let Received::Taken { fan_out, .. } = received else { panic!("{received:?}") };
                    let Some(mut fan_out) = fan_out else { continue };
                    while fan_out.step() != Step::Done {}
                }
            }
            Action::Prove(more, at) => {
                self.end += more;
                self.gateways[at].skip_to(&Epoch::new(LIFE).unwrap(), self.end);
            }
            Action::Attach(at) => {
                // Its subscribers have to move.
                for (_, subscription) in &mut self.readers {
                    subscription.take_if(|known| Arc::ptr_eq(known.topic(), &self.gateways[at]));
                }
                self.gateways[at] = follow(self.end);
            }
            Action::Move(reader, at) => self.join(reader, at),
            Action::CatchUp(reader, count) => self.catch_up(reader, count),
        }
    }

    fn join(&mut self, reader: usize, at: usize) {
        let topic = &self.gateways[at];
        let (sink, subscription) = &mut self.readers[reader];
        drop(subscription.take());
        let known = *sink.known.lock();
        let page = page(&self.truth.lock(), topic, known, usize::MAX);
        let position = Position { last_seq: SeqNo::new(known).unwrap(), epoch: Some(LIFE) };
        let start = Start { position: Some(position), page: Some(&page), last: None };
        let Joined { subscription: begun, recovered, after, .. } =
            topic.join(sink.clone(), start).unwrap();
        // A position above what this gateway has seen is brought to it before a subscriber joins.
        if recovered == Some(true) {
            assert_eq!(after, known);
            *subscription = Some(begun);
        }
    }

    fn catch_up(&mut self, reader: usize, count: usize) {
        let (sink, subscription) = &mut self.readers[reader];
        let Some(subscription) = subscription.as_mut().filter(|known| known.is_behind()) else {
            return;
        };
        let (mut out, mut read) = (Vec::new(), None);
        loop {
            let budget = Budget { messages: count, bytes: 1 << 20 };
            match subscription.catch_up(read.as_ref(), budget, &mut out) {
                CatchUp::NeedsPage { after } => {
                    let topic = subscription.topic();
                    read = Some(page(&self.truth.lock(), topic, after, count));
                }
                CatchUp::Behind { .. } | CatchUp::Live { .. } => break,
                lost @ CatchUp::Lost { .. } => panic!("{lost:?}"),
            }
        }
        sink.take(&out.into());
    }
}

/// A topic that begins to follow the log at `head`, which is no message's number.
fn follow(head: u64) -> Arc<Topic<Knowing>> {
    let limits = history::Limits { messages: 4, age: std::time::Duration::MAX, bytes: usize::MAX };
    let history = Box::new(move |_: &topic::Name| limits);
    let directory =
        Directory::new(LIMITS, history, Clock::start(), new_epoch, Instruments::default());
    EPOCHS.fetch_add(1, Ordering::Relaxed);
    let head = topic::Head { epoch: Epoch::new(LIFE).unwrap(), seq_no: head, message_id: None };
    let attachment = topic::Attachment(Box::new(()));
    directory.adopt(&name(0), Owner::Backends, head, attachment).unwrap()
}

fn with_record<T>(seq_no: u64, prev: u64, act: impl FnOnce(&topic::Record<'_>) -> T) -> T {
    let message_id = MessageId::new(format!("m{seq_no}")).unwrap();
    act(&topic::Record {
        epoch: LIFE,
        seq_no,
        prev: Some(prev),
        message_id: &message_id,
        data: r#"{"prevSeqNo":1}"#,
        published: Micros(0),
    })
}

/// What the log has behind `after` and below the topic's history; its first record does not know
/// its predecessor.
fn page(truth: &[u64], topic: &Arc<Topic<Knowing>>, after: u64, count: usize) -> Page {
    let end = topic.floor();
    let mut page = Page::new(Arc::new(Epoch::new(LIFE).unwrap()), after, after);
    let mut found = truth.iter().filter(|number| (after + 1..=end).contains(*number));
    for number in found.by_ref().take(count) {
        with_record(*number, 0, |record| topic.put_page(&mut page, record));
    }
    match found.next() {
        // The proof reaches up to the next message.
        Some(next) => page.skip_to(next - 1),
        None => page.skip_to(end),
    }
    page
}

proptest! {
    #[test]
    fn a_message_continues_from_a_number_that_its_subscriber_knows(
        actions in prop::collection::vec(action(), 1..60)
    ) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        for (reader, _) in &world.readers {
            prop_assert_eq!(&*reader.faults.lock(), &Vec::<String>::new());
        }
    }
}
