//! Several gateways on one broker and one store of sessions, on virtual time: random schedules of
//! readers that lose their connections and resume on any gateway, also while they have another
//! connection, and of gateways that are cut off for a while, or killed without a goodbye.
//!
//! What a single gateway promises is the other simulation's subject ([`super::world`]). Here it is
//! what holds across gateways: one order, nothing missing and nothing twice without a word, message
//! ids that are stored once, sessions with their subscriptions and positions, one connection for
//! each session, and that nothing is left over.
//!
//! | module | idea |
//! |---|---|
//! | [`node`] | a gateway, and its ways to the broker and to the records, which can be cut |
//! | [`connection`] | one connection of a reader |
//! | [`reader`] | a client with its session |

mod connection;
mod node;
mod reader;

use super::{
    Backbone, TOPICS,
    authority::{Authority, Grant},
    broker::{self, Broker},
    explore, limits, missed,
    report::{Detail, Report},
    truth::{Attempt, Kept, Truth},
};
use crate::{
    chance,
    gateway::Stats,
    session::double::{self, Server},
};
use connection::Connection;
use node::Node;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reader::{Now, Reader};
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::{Instant, advance},
};

const GATEWAYS: usize = 2;
const READERS: usize = 4;
const USERS: usize = 2;
const STEPS: usize = 250;

/// Turns of the scheduler after which nothing moves any more, unless time passes.
const ALL_TURNS: usize = 16;

/// How long a session is kept without a connection.
const SESSION: Duration = Duration::from_secs(20);

/// How long messages are kept: it is their number that a broker limits here.
const AGE: Duration = Duration::from_secs(3600);

/// What is made wrong on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    Broker(broker::Breach),
    Records(double::Breach),
    /// A connection stays open at the end.
    LeavesSomething,
}

struct World {
    runtime: Runtime,
    broker: Arc<Broker>,
    records: Arc<Server>,
    /// Every gateway that was ever started; one that was killed goes on, cut off from everything.
    nodes: Vec<Node>,
    /// Those that run.
    running: [usize; GATEWAYS],
    readers: Vec<Reader>,
    begin: Instant,
    random: StdRng,
    truth: Truth,
    seed: u64,
}

impl World {
    fn new(seed: u64, bug: Bug, detail: Detail) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let inside = runtime.enter();
        chance::follow(seed);
        let begin = Instant::now();
        drop(inside);
        let (of_broker, of_records) = match bug {
            Bug::Broker(breach) => (breach, double::Breach::None),
            Bug::Records(breach) => (broker::Breach::None, breach),
            Bug::None | Bug::LeavesSomething => (broker::Breach::None, double::Breach::None),
        };
        let broker = Arc::new(Broker::new(seed, of_broker));
        let kept = Kept {
            messages: limits::MESSAGES as u64,
            age: AGE,
            window: limits::WINDOW,
            session: SESSION,
        };
        let truth = Truth::new(Backbone::Broker, broker.clone(), kept, Report::new(detail, seed));
        let mut world = Self {
            runtime,
            broker,
            records: Arc::new(Server::with(of_records)),
            nodes: Vec::new(),
            running: [0; GATEWAYS],
            readers: (0..READERS).map(|number| Reader::new(number, number % USERS)).collect(),
            begin,
            random: StdRng::seed_from_u64(seed),
            truth,
            seed,
        };
        for place in 0..GATEWAYS {
            world.start(place);
        }
        world
    }

    fn start(&mut self, place: usize) {
        let _inside = self.runtime.enter();
        let authority =
            Authority { begin: self.begin, grants_everything: false, forgets_the_end: false };
        let seed = self.seed.wrapping_mul(1000) + self.nodes.len() as u64;
        self.running[place] = self.nodes.len();
        self.nodes.push(Node::start(self.broker.clone(), self.records.clone(), authority, seed));
    }

    fn now(&self) -> Instant {
        let _inside = self.runtime.enter();
        Instant::now()
    }

    /// Something happens, then the gateways get some turns.
    fn step(&mut self) {
        let reader = self.random.random_range(0..READERS);
        match self.random.random_range(0..100) {
            0..10 => self.wait(),
            10..13 => self.settle(),
            13..15 => self.cut_or_heal(),
            15..16 => self.kill(),
            16..17 => self.disturb(),
            17..22 => self.leave(reader),
            22..24 => self.say_goodbye(reader),
            24..28 => self.set_up(reader),
            _ if self.readers[reader].connection.is_none() => self.set_up(reader),
            28..45 => self.subscribe(reader),
            45..50 => self.unsubscribe(reader),
            50..80 => self.publish(reader),
            80..95 => self.confirm(reader),
            _ => {}
        }
        let turns = *[0, 1, 2, 5, ALL_TURNS].choose(&mut self.random).unwrap();
        self.turns(turns);
    }

    /// On any gateway, also on one that is cut off; also while it has a connection.
    fn set_up(&mut self, number: usize) {
        let node = *self.running.choose(&mut self.random).unwrap();
        let random = &mut self.random;
        let mut topics: Vec<usize> =
            (0..random.random_range(0..3)).map(|_| random.random_range(0..TOPICS)).collect();
        topics.sort_unstable();
        topics.dedup();
        let gives_positions = random.random_bool(0.4);
        self.truth.report.note(|| {
            format!(
                "reader {number} sets up at {node}, topics {topics:?}, positions: {gives_positions}"
            )
        });
        let now = self.now();
        let reader = &mut self.readers[number];
        if reader.connection.as_ref().is_some_and(|own| own.setup.is_some() || own.said_goodbye) {
            // The client gives up what it waits for.
            reader.leave(now);
        }
        let inside = self.runtime.enter();
        let connection = Connection::open(&self.nodes[node].gateway, node);
        drop(inside);
        let token = Grant::everything(reader.user).token();
        reader.set_up(connection, topics, gives_positions, &token);
    }

    fn free(&mut self, reader: usize) -> Option<&mut Connection> {
        self.readers[reader].connection.as_mut().filter(|own| own.is_free())
    }

    fn subscribe(&mut self, reader: usize) {
        let topic = self.random.random_range(0..TOPICS);
        if let Some(connection) = self.free(reader) {
            connection.subscribe(topic);
            self.truth.report.note(|| format!("reader {reader} subscribes to {topic}"));
        }
    }

    /// Also from a topic of its session that was unavailable at the setup.
    fn unsubscribe(&mut self, reader: usize) {
        let any = self.random.random_range(0..TOPICS);
        let topic = self.readers[reader].unavailable().unwrap_or(any);
        if let Some(connection) = self.free(reader) {
            connection.unsubscribe(topic);
            self.truth.report.note(|| format!("reader {reader} unsubscribes from {topic}"));
        }
    }

    /// Something new, or once more what may be under way or stored through another gateway.
    fn publish(&mut self, reader: usize) {
        let (topic, again, back) = (
            self.random.random_range(0..TOPICS),
            self.random.random_bool(0.3),
            self.random.random_range(0..20),
        );
        let user = self.readers[reader].user;
        let Some(connection) = self.readers[reader].connection.as_mut().filter(|own| own.is_free())
        else {
            return;
        };
        let attempts = &mut self.truth.attempts;
        let count = attempts.len();
        let before =
            count.checked_sub(1).map(|last| attempts[last.saturating_sub(back)].message_id);
        let message_id = before.filter(|_| again).unwrap_or(count);
        // Their order is promised within a connection; this client publishes over several.
        attempts.push(Attempt { user, message_id, topic, connection: None });
        connection.publish(count, &self.truth);
        self.truth
            .report
            .note(|| format!("reader {reader} publishes {count}, {message_id} to {topic}"));
    }

    fn confirm(&mut self, number: usize) {
        let topic = self.random.random_range(0..TOPICS);
        let now = self.now();
        let reader = &mut self.readers[number];
        let Some((seq_no, epoch)) = reader.position(topic) else { return };
        if let Some(connection) = reader.connection.as_mut().filter(|own| own.is_free()) {
            connection.confirm(topic, seq_no, &epoch);
            reader.confirm(topic, seq_no, now);
            self.truth.report.note(|| format!("reader {number} confirms {topic}: {seq_no}"));
        }
    }

    fn leave(&mut self, reader: usize) {
        if self.random.random_bool(0.5) {
            self.settle();
        }
        self.truth.report.note(|| format!("reader {reader} loses its connection"));
        let now = self.now();
        self.readers[reader].leave(now);
    }

    fn say_goodbye(&mut self, reader: usize) {
        if let Some(connection) = self.free(reader) {
            connection.say_goodbye();
            self.truth.report.note(|| format!("reader {reader} says goodbye"));
        }
    }

    fn cut_or_heal(&mut self) {
        let place = self.random.random_range(0..GATEWAYS);
        let node = self.running[place];
        let _inside = self.runtime.enter();
        if self.nodes[node].is_cut() {
            self.nodes[node].heal();
            self.truth.report.note(|| format!("gateway {node} is reached again"));
        } else {
            self.nodes[node].cut();
            self.truth.report.note(|| format!("gateway {node} is cut off"));
        }
    }

    /// A gateway is gone without a word, and another one comes in its place.
    fn kill(&mut self) {
        let place = self.random.random_range(0..GATEWAYS);
        let node = self.running[place];
        self.truth.report.note(|| format!("gateway {node} is killed"));
        let now = self.now();
        let inside = self.runtime.enter();
        self.nodes[node].cut();
        self.readers.iter_mut().for_each(|reader| reader.lose(node, now));
        drop(inside);
        self.start(place);
    }

    fn disturb(&mut self) {
        let topic = self.random.random_range(0..TOPICS);
        let _inside = self.runtime.enter();
        self.broker.disturb(topic);
        let what = self.broker.head_of(topic);
        self.truth.report.note(|| format!("the log of t{topic} is disturbed: {what:?}"));
    }

    fn wait(&mut self) {
        let millis = *[2, 10, 100, 1000, 3000, 10_000, 30_000].choose(&mut self.random).unwrap();
        self.pass(millis);
    }

    /// Time passes, in steps in which everything that is due comes about.
    fn pass(&mut self, millis: u64) {
        self.settle();
        self.truth.report.note(|| format!("{millis} ms pass"));
        let mut left = Duration::from_millis(millis);
        while !left.is_zero() {
            let step =
                left.min(Duration::from_millis(if left.as_millis() > 100 { 100 } else { 5 }));
            self.runtime.block_on(advance(step));
            left -= step;
            while self.turns(ALL_TURNS) {}
        }
        let _inside = self.runtime.enter();
        if self.random.random_bool(0.5) {
            (0..TOPICS).for_each(|topic| self.broker.announce(topic));
        }
        for node in &self.nodes {
            while node.gateway.expire_some() {}
        }
    }

    /// Lets the gateways work, and the readers look at what came. False: nothing did.
    fn turns(&mut self, turns: usize) -> bool {
        self.runtime.block_on(async {
            for _ in 0..turns {
                yield_now().await;
            }
        });
        let nodes = &self.nodes;
        let now = Now {
            time: self.now(),
            was_whole: &|node, from, to| nodes[node].was_whole(from, to),
            last_whole: &|node, time| nodes[node].last_whole(time),
        };
        let truth = &mut self.truth;
        let came = self.readers.iter_mut().map(|reader| reader.look(&now, truth));
        came.collect::<Vec<_>>().contains(&true)
    }

    fn settle(&mut self) {
        while self.turns(ALL_TURNS) {}
        self.truth.judge();
    }

    /// Every gateway is reached, every reader gets what is left and goes; then nothing is left over.
    fn finish(mut self, bug: Bug) {
        let inside = self.runtime.enter();
        for node in self.running {
            self.nodes[node].heal();
        }
        drop(inside);
        for _ in 0..80 {
            self.pass(200);
            let _inside = self.runtime.enter();
            (0..TOPICS).for_each(|topic| self.broker.announce(topic));
        }
        self.settle();
        self.readers.iter().for_each(|reader| reader.has_everything(&self.truth));
        self.truth.judge_the_whole();
        let mut left = Vec::new();
        for reader in &mut self.readers {
            if bug == Bug::LeavesSomething {
                left.extend(reader.connection.take());
            }
            *reader = Reader::new(reader.number, reader.user);
        }
        for _ in 0..200 {
            self.pass(1000);
        }
        for node in self.running.map(|node| &self.nodes[node]) {
            let gateway = &node.gateway;
            let nothing = Stats { connections: 0, topics: 0, subscriptions: 0 };
            assert_eq!(gateway.stats(), nothing);
            assert_eq!(gateway.sessions.counts().sessions, 0, "a session is left");
            assert!(gateway.core.dedup.is_empty() && gateway.core.topics.is_empty());
            assert!(gateway.core.tasks.is_empty(), "a task is left");
        }
        assert_eq!(self.broker.attachments(), 0, "a topic is still attached");
    }
}

/// Runs one schedule.
fn run(seed: u64, bug: Bug, detail: Detail) {
    let mut world = World::new(seed, bug, detail);
    for _ in 0..STEPS {
        world.step();
    }
    world.finish(bug);
}

#[test]
fn gateways_are_as_one_1() {
    explore(0..250, |seed, detail| run(seed, Bug::None, detail));
}

#[test]
fn gateways_are_as_one_2() {
    explore(250..500, |seed, detail| run(seed, Bug::None, detail));
}

#[test]
fn bugs_are_found() {
    let bugs = [
        Bug::Broker(broker::Breach::StoresRepeats),
        Bug::Broker(broker::Breach::HoledParts),
        Bug::Broker(broker::Breach::NoTailChecks),
        Bug::Records(double::Breach::SetsBlindly),
        Bug::Records(double::Breach::ForgetsWrites),
        Bug::Records(double::Breach::StopsTheClock),
        Bug::LeavesSomething,
    ];
    let missed = missed(bugs, 0..200, |seed, bug| run(seed, bug, Detail::Off));
    assert_eq!(missed, [], "these were not found");
}
