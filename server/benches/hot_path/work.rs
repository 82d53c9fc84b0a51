//! The parts of the hot path, without sockets: the micro-benchmarks time them, the tests count
//! their allocations, and valgrind counts their instructions. Relies on the crate's public modules.

use bytes::Bytes;
use futures_util::FutureExt;
use hub::{
    Appended, Directory, Instruments, Joined, Owner, Sink, Start, Step, Topic,
    clock::Clock,
    directory::Limits,
    history::{self, Budget},
    topic::Liveness,
};
use micro_socket::{config::Config, gateway::Gateway, metrics::Meter};
use protocol::{ClientFrame, Epoch, MessageId, Payload, Position, SeqNo, encode::MessagePrefix};
use std::{
    fmt::Write,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

const DATA: &str = r#"{"text":"a hundred bytes or so of somebody's words, as they are in a chat room of a middling size"}"#;

/// Messages that one run of `replay` copies.
pub(crate) const REPLAYED: usize = 1000;

/// The work of this name, with this number of topics or subscribers if it has a size.
///
/// # Panics
/// If no work has this name.
pub(crate) fn of(name: &str, size: usize) -> Box<dyn FnMut()> {
    match name {
        "parse" => repeat(Parse::new(), Parse::run),
        "encode" => repeat(Encode::new(), Encode::run),
        "publish" => repeat(Publish::new(size), Publish::run),
        "deliver" => repeat(Deliver::new(size), Deliver::run),
        "churn" => repeat(Churn::new(size, size), Churn::run),
        "replay" => repeat(Replay::new(), Replay::run),
        other => panic!("no work {other}"),
    }
}

fn repeat<T: 'static>(mut work: T, run: fn(&mut T)) -> Box<dyn FnMut()> {
    Box::new(move || run(&mut work))
}

/// A subscriber without a socket.
#[derive(Debug, Default)]
struct Null(AtomicU64);

impl Sink for Null {
    fn deliver(&self, subscription: &Liveness, frames: &Bytes) {
        if subscription.is_live() {
            self.0.fetch_add(frames.len() as u64, Relaxed);
        }
    }
}

fn topic(number: usize) -> protocol::Topic<'static> {
    protocol::Topic::new(format!("room-{number}")).expect("a topic's alphabet")
}

/// Distinct message ids in one buffer, as a client's ids are in the read buffer.
#[derive(Default)]
struct Ids {
    count: u64,
    text: String,
}

impl Ids {
    fn next(&mut self) -> MessageId<'_> {
        self.count += 1;
        self.text.clear();
        write!(self.text, "id-{:016}", self.count).expect("a string takes everything");
        MessageId::new(self.text.as_str()).expect("a message id's alphabet")
    }
}

fn directory(history: history::Limits) -> Directory<Null> {
    let limits = Limits {
        max_topics: usize::MAX,
        max_topics_per_user: usize::MAX,
        meta_ttl: Duration::from_secs(60),
        topic_backlog: usize::MAX,
        history_bytes: usize::MAX,
    };
    let epoch = || Epoch::new("epoch").expect("an epoch's alphabet");
    let instruments = Instruments { signer: None, observer: Some(Arc::new(Meter::default())) };
    Directory::new(limits, Box::new(move |_| history), Clock::start(), epoch, instruments)
}

fn find(directory: &Directory<Null>, number: usize) -> Arc<Topic<Null>> {
    directory
        .with(&topic(number), Owner::User("somebody"), &mut None, |topic| Ok(topic.clone()))
        .expect("there is room")
}

fn append(topic: &Arc<Topic<Null>>, clock: &Clock, ids: &mut Ids) -> Appended<Null> {
    topic.append(clock.now(), &ids.next(), DATA).expect("the topic is in use")
}

/// Parses a publish.
struct Parse(String);

impl Parse {
    fn new() -> Self {
        Self(format!(
            r#"{{"type":"publish","topic":"room-1","messageId":"id-0000000000000001","payload":{DATA}}}"#
        ))
    }

    fn run(&mut self) {
        black_box(ClientFrame::parse(black_box(&self.0)).expect("a publish"));
    }
}

/// Encodes a message.
struct Encode {
    prefix: MessagePrefix,
    id: MessageId<'static>,
    out: Vec<u8>,
}

impl Encode {
    fn new() -> Self {
        Self {
            prefix: MessagePrefix::new(&topic(1)),
            id: Ids::default().next().into_owned(),
            out: Vec::with_capacity(1024),
        }
    }

    fn run(&mut self) {
        self.out.clear();
        let numbers = black_box((123_455, 123_456));
        self.prefix.put(&mut self.out, numbers, &self.id, black_box(DATA), None);
        black_box(&self.out);
    }
}

/// Publishes to one topic after the other, none of which has a subscriber: claim, number, history.
struct Publish {
    gateway: Gateway,
    topics: Vec<protocol::Topic<'static>>,
    payload: Payload<'static>,
    ids: Ids,
}

impl Publish {
    /// With this many existing topics.
    fn new(topics: usize) -> Self {
        let gateway =
            Gateway::new(Config::default()).expect("the default configuration names no key");
        let payload = Payload::parse(DATA).expect("JSON");
        let mut this = Self {
            gateway,
            topics: (0..topics).map(topic).collect(),
            payload,
            ids: Ids::default(),
        };
        (0..topics).for_each(|_| this.run());
        this
    }

    fn run(&mut self) {
        let topic = &self.topics[self.ids.count as usize % self.topics.len()];
        let id = self.ids.next();
        let published = self.gateway.publish("somebody", topic, &id, &self.payload).now_or_never();
        black_box(published.expect("this process numbers the topic").expect("there is room"));
    }
}

/// Publishes, and fans out to every subscriber.
struct Deliver {
    topic: Arc<Topic<Null>>,
    clock: Clock,
    ids: Ids,
    _joined: Vec<Joined<Null>>,
}

impl Deliver {
    /// To this many subscribers.
    fn new(subscribers: usize) -> Self {
        let topic = find(&directory(history::Limits::NONE), 0);
        let joined = (0..subscribers)
            .map(|_| topic.join(Arc::default(), Start::NOW).expect("the topic is in use"))
            .collect();
        Self { topic, clock: Clock::start(), ids: Ids::default(), _joined: joined }
    }

    fn run(&mut self) {
        let mut fan_out =
            append(&self.topic, &self.clock, &mut self.ids).fan_out.expect("nobody else fans out");
        while fan_out.step() != Step::Done {}
    }
}

/// Subscribes to one topic after the other and unsubscribes again, while other subscribers stay.
struct Churn {
    topics: Vec<Arc<Topic<Null>>>,
    sink: Arc<Null>,
    count: usize,
    _others: Vec<Joined<Null>>,
}

impl Churn {
    /// With this many topics, and this many other subscribers of each.
    fn new(topics: usize, subscribers: usize) -> Self {
        let directory = directory(history::Limits::NONE);
        let topics: Vec<_> = (0..topics).map(|number| find(&directory, number)).collect();
        let join = |topic: &Arc<Topic<Null>>| {
            topic.join(Arc::default(), Start::NOW).expect("the topic is in use")
        };
        let others =
            topics.iter().flat_map(|topic| (0..subscribers).map(move |_| join(topic))).collect();
        Self { topics, sink: Arc::default(), count: 0, _others: others }
    }

    fn run(&mut self) {
        self.count += 1;
        let topic = &self.topics[self.count % self.topics.len()];
        drop(black_box(topic.join(self.sink.clone(), Start::NOW)));
    }
}

/// Lets a subscriber catch up with the whole history.
struct Replay {
    topic: Arc<Topic<Null>>,
    out: Vec<u8>,
}

impl Replay {
    fn new() -> Self {
        let limits = history::Limits {
            messages: REPLAYED,
            age: Duration::from_secs(600),
            bytes: usize::MAX,
        };
        let (topic, clock, mut ids) = (find(&directory(limits), 0), Clock::start(), Ids::default());
        (0..REPLAYED).for_each(|_| drop(append(&topic, &clock, &mut ids)));
        Self { topic, out: Vec::with_capacity(1024 * 1024) }
    }

    fn run(&mut self) {
        let position = Position { last_seq: SeqNo::new(0).expect("a number"), epoch: None };
        let from = Start { position: Some(position), ..Start::NOW };
        let mut joined = self.topic.join(Arc::default(), from).expect("the topic is in use");
        self.out.clear();
        let budget = Budget { bytes: usize::MAX, messages: usize::MAX };
        black_box(joined.subscription.catch_up(None, budget, &mut self.out));
        black_box(&self.out);
    }
}
