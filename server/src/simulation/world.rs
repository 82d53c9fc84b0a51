//! The gateway and its clients; one step of a schedule after the other.

use super::{
    Backbone, Bug, OBSERVED, TOPICS,
    authority::{Authority, Grant},
    broker::{Breach, Broker},
    client::{Client, Given, Now, Request, Setup, Start},
    connected::{Connected, payload},
    limits, message_id,
    report::{Detail, Report},
    topic_name,
    truth::{Attempt, Kept, Truth},
    user_name, wire,
};
use crate::{
    chance,
    config::Config,
    gateway::{Fleet, Gateway, PublishError, Published, Stats},
    session,
};
use parking_lot::Mutex;
use protocol::{AckStatus, MessageId, Payload, Topic, UserId};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::{Instant, advance},
};

const CLIENTS: usize = 5;
const USERS: usize = 3;

/// Turns of the scheduler after which nothing moves any more, unless time passes.
const ALL_TURNS: usize = 16;

/// What became of publishes over HTTP: the attempt, and its answer.
type Answers = Arc<Mutex<Vec<(usize, Result<Published, PublishError>)>>>;

pub(super) struct World {
    runtime: Runtime,
    backbone: Backbone,
    broker: Arc<Broker>,
    gateway: Arc<Gateway>,
    begin: Instant,
    random: StdRng,
    bug: Bug,
    truth: Truth,
    observer: Connected,
    clients: Vec<Option<Connected>>,
    /// Names of sessions that a client may try.
    sessions: Vec<String>,
    over_http: Answers,
    connections: usize,
    draining: bool,
}

fn config(backbone: Backbone, bug: Bug) -> Config {
    hub::grain::make_fine();
    let mut config = Config::default();
    config.limits.max_subscriptions = limits::SUBSCRIPTIONS;
    config.limits.send_queue = limits::SEND_QUEUE;
    config.limits.topic_backlog = 600;
    config.limits.replay_rate = 5;
    config.limits.inflight = 3;
    config.backbone.publish_timeout = limits::PUBLISH;
    config.backbone.attach_timeout = limits::ATTACH;
    config.backbone.detach_after = limits::DETACH;
    config.timeouts.setup = limits::SETUP;
    config.history.messages = match bug {
        // What a broker has lost may be called lost: it takes more to be noticed.
        Bug::KeepsTooLittle if backbone == Backbone::Broker => 1,
        Bug::KeepsTooLittle => limits::MESSAGES - 1,
        _ => limits::MESSAGES,
    };
    config.history.age = limits::AGE;
    config.history.meta_ttl = limits::META_TTL;
    config.session.ttl = match bug {
        Bug::ForgetsSessions => limits::SESSION / 4,
        Bug::KeepsSessions => limits::SESSION * 2,
        _ => limits::SESSION,
    };
    config.dedup.window =
        if bug == Bug::ForgetsMessageIds { limits::WINDOW / 3 } else { limits::WINDOW };
    config
}

impl World {
    pub(super) fn new(backbone: Backbone, seed: u64, bug: Bug, detail: Detail) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let inside = runtime.enter();
        chance::follow(seed);
        let begin = Instant::now();
        let authority = Authority {
            begin,
            grants_everything: bug == Bug::GrantsEverything,
            forgets_the_end: bug == Bug::ForgetsTheEndOfTokens,
        };
        let breach = if let Bug::Broker(breach) = bug { breach } else { Breach::None };
        let broker = Arc::new(Broker::new(seed, breach));
        let gateway = match backbone {
            Backbone::Memory => Gateway::new(config(backbone, bug)),
            Backbone::Broker => Gateway::in_fleet(
                config(backbone, bug),
                Fleet { backbone: Some(broker.clone()), records: None, redis: None },
            ),
        };
        let gateway = Arc::new(gateway.unwrap().with_authenticator(Box::new(authority)));
        let observer = Connected::open(&gateway, backbone, 0, 1 << 30, None);
        drop(inside);
        let kept = Kept {
            messages: limits::MESSAGES as u64,
            age: limits::AGE,
            window: limits::WINDOW,
            session: limits::SESSION,
        };
        let mut world = Self {
            runtime,
            backbone,
            broker: broker.clone(),
            gateway,
            begin,
            random: StdRng::seed_from_u64(seed),
            bug,
            truth: Truth::new(backbone, broker, kept, Report::new(detail, seed)),
            observer,
            clients: (0..CLIENTS).map(|_| None).collect(),
            sessions: Vec::new(),
            over_http: Answers::default(),
            connections: 0,
            draining: false,
        };
        let grant = Grant::everything(USERS);
        let setup = Request::Setup(Setup {
            grant: Some(grant),
            topics: (0..OBSERVED).collect(),
            ..Setup::default()
        });
        world.observer.ask(setup, &world.truth, Bug::None);
        world.settle();
        while let Some(missing) =
            (0..OBSERVED).find(|topic| !world.observer.client.subscriptions.contains_key(topic))
        {
            if world.observer.client.requests.is_empty() {
                world.observer.ask(
                    Request::Subscribe(missing, Start::default()),
                    &world.truth,
                    Bug::None,
                );
            }
            world.jump(3);
        }
        world
    }

    fn now(&self) -> Instant {
        let _inside = self.runtime.enter();
        Instant::now()
    }

    /// Something happens, then the gateway gets some turns.
    pub(super) fn step(&mut self) {
        let slot = self.random.random_range(0..CLIENTS);
        match self.random.random_range(0..100) {
            0..4 => self.wait(),
            4..9 => self.publish_over_http(),
            9..13 => self.settle(),
            _ if self.clients[slot].is_none() => self.connect(slot),
            13..30 => self.set_up(slot),
            30..44 => self.subscribe(slot),
            44..50 => {
                self.ask(slot, |_, random| Request::Unsubscribe(random.random_range(0..TOPICS)))
            }
            50..78 => self.publish(slot),
            78..86 => self.confirm(slot),
            86..88 => self.ask(slot, |_, _| Request::Ping),
            88..89 => self.ask(slot, |_, _| Request::Garbage),
            89..93 => self.toggle_reading(slot),
            93..96 => self.drop_connection(slot),
            96..97 => self.say_goodbye(slot),
            97..98 => self.lose(),
            _ => {}
        }
        self.note_races();
        let turns = *[0, 1, 2, 3, 5, ALL_TURNS].choose(&mut self.random).unwrap();
        self.turns(turns);
    }

    fn note(&mut self, slot: usize, what: fmt::Arguments<'_>) {
        let number = self.clients[slot].as_ref().map_or(0, |connected| connected.client.number);
        self.truth.report.note(|| format!("connection {number} {what}"));
    }

    fn connect(&mut self, slot: usize) {
        self.connections += 1;
        let of_url = self.random.random_bool(0.3).then(|| self.random.random_range(0..TOPICS));
        let capacity = *[300, 2000, 1 << 20].choose(&mut self.random).unwrap();
        let inside = self.runtime.enter();
        self.clients[slot] =
            Some(Connected::open(&self.gateway, self.backbone, self.connections, capacity, of_url));
        drop(inside);
        self.note(slot, format_args!("connects, for {of_url:?}, with {capacity} bytes"));
    }

    /// As somebody new, or to go on with a session; or to renew the token.
    fn set_up(&mut self, slot: usize) {
        let grant = self.random_grant();
        let random = &mut self.random;
        let topics: Vec<usize> =
            (0..random.random_range(0..4)).map(|_| random.random_range(0..TOPICS)).collect();
        let session =
            random.random_bool(0.7).then(|| self.sessions.choose(random).cloned()).flatten();
        let owner =
            session.as_ref().and_then(|id| self.truth.sessions.get(id)).map(|session| session.user);
        let grant = match (
            owner,
            self.clients[slot].as_ref().and_then(|connected| connected.client.grant()),
        ) {
            (_, Some(own)) if random.random_bool(0.8) => Grant { user: own.user, ..grant },
            (Some(user), None) if random.random_bool(0.8) => Grant { user, ..grant },
            _ => grant,
        };
        let starts =
            (0..TOPICS).map(|topic| (topic, self.random_start(slot, topic, 0.3))).collect();
        let grant = self.random.random_bool(0.95).then_some(grant);
        self.ask(slot, |_, _| Request::Setup(Setup { grant, topics, session, starts }));
    }

    fn random_start(&mut self, slot: usize, topic: usize, how_often: f64) -> Start {
        let position =
            self.random.random_bool(how_often).then(|| self.random_position(slot, topic));
        Start {
            position,
            last: self.random.random_bool(0.3).then(|| self.random.random_range(1..12)),
        }
    }

    fn random_grant(&mut self) -> Grant {
        let now = self.now().duration_since(self.begin).as_millis() as u64;
        let random = &mut self.random;
        let mask = |random: &mut StdRng| {
            if random.random_bool(0.6) { u8::MAX } else { random.random_range(0..8) }
        };
        let subscribe = mask(random);
        // With a backbone that answers later, a token may have been renewed meanwhile.
        let publish = if self.backbone == Backbone::Memory { mask(random) } else { u8::MAX };
        let expires = random.random_bool(0.2).then(|| now + random.random_range(0..2000));
        Grant { user: random.random_range(0..USERS), subscribe, publish, expires }
    }

    /// Near the head, in its life or in none.
    fn random_position(&mut self, slot: usize, topic: usize) -> Given {
        let known =
            self.clients[slot].as_ref().and_then(|connected| connected.client.handled(topic));
        let observed =
            self.observer.client.handled(topic).map(|(head, epoch)| (head, epoch.to_owned()));
        if let Some((last_seq, epoch)) = known.filter(|_| self.random.random_bool(0.5)) {
            return Given { last_seq, epoch: Some(epoch.to_owned()) };
        }
        let (head, epoch) = observed.unwrap_or((5, "another".to_owned()));
        let last_seq = (head + 2).saturating_sub(self.random.random_range(0..14));
        let epoch = match self.random.random_range(0..10) {
            0 => Some("another".to_owned()),
            1..4 => None,
            _ => Some(epoch),
        };
        Given { last_seq, epoch }
    }

    fn subscribe(&mut self, slot: usize) {
        let topic = self.random.random_range(0..TOPICS);
        let start = self.random_start(slot, topic, 0.6);
        self.ask(slot, |_, _| Request::Subscribe(topic, start));
    }

    fn publish(&mut self, slot: usize) {
        let Some(user) = self.clients[slot].as_ref().and_then(|connected| connected.client.user())
        else {
            return;
        };
        let connection = self.clients[slot].as_ref().map(|connected| connected.client.number);
        let attempt = self.attempt(user, connection);
        self.ask(slot, |_, _| Request::Publish(attempt));
    }

    /// A new message, or one that was there already.
    fn attempt(&mut self, user: usize, connection: Option<usize>) -> usize {
        let count = self.truth.attempts.len();
        let before =
            count.checked_sub(1).map(|last| last.saturating_sub(self.random.random_range(0..30)));
        let message_id = match before {
            Some(before) if self.random.random_bool(0.3) => self.truth.attempts[before].message_id,
            _ => count,
        };
        let topic = self.random.random_range(0..TOPICS);
        self.truth.attempts.push(Attempt { user, message_id, topic, connection });
        count
    }

    fn publish_over_http(&mut self) {
        let user = self.random.random_range(0..USERS);
        let attempt = self.attempt(user, None);
        self.truth
            .report
            .note(|| format!("over HTTP: {attempt}, {:?}", self.truth.attempts[attempt]));
        let Attempt { message_id: id, topic, .. } = self.truth.attempts[attempt];
        let (gateway, answers) = (self.gateway.clone(), self.over_http.clone());
        self.runtime.spawn(async move {
            let (topic, id) =
                (Topic::new(topic_name(topic)).unwrap(), MessageId::new(message_id(id)).unwrap());
            let payload = Payload::from_value(&payload(attempt)).unwrap();
            let answer = gateway.publish(&user_name(user), &topic, &id, &payload).await;
            answers.lock().push((attempt, answer));
        });
    }

    /// Confirms what the client has, or something that cannot be.
    fn confirm(&mut self, slot: usize) {
        let topic = self.random.random_range(0..TOPICS);
        let kind = self.random.random_range(0..10);
        let Some(connected) =
            self.clients[slot].as_mut().filter(|connected| !connected.client.is_moving(topic))
        else {
            return;
        };
        let Some((last, epoch)) =
            connected.client.handled(topic).map(|(last, epoch)| (last, epoch.to_owned()))
        else {
            return;
        };
        let (seq_no, epoch) = match kind {
            0 => (last, "another".to_owned()),
            1 => (last + 1000, epoch),
            _ => (last.saturating_sub(kind / 4), epoch),
        };
        connected.pipe.send(&wire::text(
            &json!({"type": "ack", "topic": topic_name(topic), "seqNo": seq_no, "epoch": epoch}),
        ));
        if kind > 1 {
            connected.client.confirm(topic, seq_no, &mut self.truth);
        }
        self.note(slot, format_args!("confirms {topic}: {seq_no} ({kind})"));
    }

    fn ask(&mut self, slot: usize, request: impl FnOnce(&Client, &mut StdRng) -> Request) {
        let Some(connected) = &mut self.clients[slot] else { return };
        let request = request(&connected.client, &mut self.random);
        // What is told to somebody who does not look may have changed when it is read.
        if matches!(request, Request::Setup(_)) && !connected.reads || connected.client.said_goodbye
        {
            return;
        }
        let number = connected.client.number;
        self.truth.report.note(|| format!("connection {number} asks {request:?}"));
        connected.ask(request, &self.truth, self.bug);
    }

    fn toggle_reading(&mut self, slot: usize) {
        if let Some(connected) = &mut self.clients[slot] {
            let waits_for_setup = connected
                .client
                .requests
                .iter()
                .any(|request| matches!(request, Request::Setup(_)));
            connected.reads = !connected.reads || waits_for_setup;
            let reads = connected.reads;
            self.note(slot, format_args!("reads: {reads}"));
        }
    }

    fn drop_connection(&mut self, slot: usize) {
        if self.random.random_bool(0.5) {
            self.settle();
        }
        self.note(slot, format_args!("goes away"));
        if let Some(connected) = self.clients[slot].take() {
            let now = self.now();
            connected.part(&mut self.truth, now);
        }
    }

    fn say_goodbye(&mut self, slot: usize) {
        self.note(slot, format_args!("ends its session"));
        if let Some(connected) = &mut self.clients[slot] {
            connected.client.said_goodbye = true;
            connected.reads = true;
            connected.pipe.send(&wire::close(4000));
        }
    }

    fn lose(&mut self) {
        if self.backbone == Backbone::Broker {
            let topic = self.random.random_range(0..TOPICS);
            let what = self.broker.head_of(topic);
            self.truth.report.note(|| format!("the log of t{topic} is disturbed, {what:?}"));
            let _inside = self.runtime.enter();
            self.broker.disturb(topic);
            let what = self.broker.head_of(topic);
            self.truth.report.note(|| format!("the log of t{topic} is now {what:?}"));
        }
    }

    fn wait(&mut self) {
        let millis = *[2, 5, 10, 100, 500, 999, 1000, 1500, 2000].choose(&mut self.random).unwrap();
        self.pass(millis);
    }

    /// Time passes, and something may be published at the very moment to which it jumps, before any
    /// timer of that moment.
    fn pass(&mut self, millis: u64) {
        self.settle();
        if self.random.random_bool(0.3) {
            self.publish_over_http();
        }
        self.jump(millis);
    }

    fn jump(&mut self, millis: u64) {
        self.truth.report.note(|| format!("{millis} ms pass"));
        self.runtime.block_on(advance(Duration::from_millis(millis)));
        if self.backbone == Backbone::Broker && self.random.random_bool(0.3) {
            self.check_tails();
        }
        // The gateway clears away now and then: what has expired in between has to be seen where it
        // is used.
        if self.random.random_bool(0.5) {
            let _inside = self.runtime.enter();
            while self.gateway.expire_some() {}
        }
        self.settle();
    }

    /// The broker announces the ends of its logs.
    fn check_tails(&self) {
        let _inside = self.runtime.enter();
        (0..TOPICS).for_each(|topic| self.broker.announce(topic));
    }

    /// Whoever resumes a session whose owner has something under way cannot know what it will find.
    fn note_races(&mut self) {
        let everybody = || self.clients.iter().flatten();
        let wanted: Vec<(usize, String)> = everybody()
            .flat_map(|connected| {
                connected
                    .client
                    .wanted_sessions()
                    .map(|id| (connected.client.number, id.to_owned()))
            })
            .collect();
        for (number, id) in &wanted {
            let Some(session) = self.truth.sessions.get_mut(id) else { continue };
            let owner =
                everybody().find(|connected| Some(connected.client.number) == session.owner);
            let is_busy = owner.is_some_and(|owner| {
                // An owner that does not read may have been closed without seeing it.
                owner.client.has_something_on_the_way() || owner.pipe.was_full() || !owner.reads
            });
            let is_contested = wanted.iter().any(|(other, wanted)| other != number && wanted == id);
            session.is_vague |= is_busy;
            session.is_contested |= is_contested;
        }
    }

    /// Lets the gateway work, and everybody look at what came. False: nothing did.
    fn turns(&mut self, turns: usize) -> bool {
        self.runtime.block_on(async {
            for _ in 0..turns {
                yield_now().await;
            }
        });
        let now =
            Now { begin: self.begin, time: self.begin, is_prompt: true, draining: self.draining };
        let mut came = self.observer.look(&mut self.truth, now, Bug::None);
        for slot in &mut self.clients {
            let Some(connected) = slot else { continue };
            let was_set_up = connected.client.is_set_up();
            came |= connected.look(&mut self.truth, now, self.bug);
            if let Some(session) = connected.client.session().filter(|_| !was_set_up) {
                self.sessions.push(session.to_owned());
            }
            if connected.client.closed.is_some() {
                *slot = None;
            }
        }
        let excess = self.sessions.len().saturating_sub(8);
        self.sessions.drain(..excess);
        came
    }

    /// Until nothing moves: then what was said can be judged.
    fn settle(&mut self) {
        while self.turns(ALL_TURNS) {}
        for (attempt, answer) in self.over_http.lock().drain(..) {
            match answer {
                Ok(Published { status, place, .. }) => {
                    let topic = super::topic_number(place.topic.as_str());
                    self.truth.ack(attempt, status == AckStatus::Duplicate, topic, place.seq_no);
                }
                Err(PublishError::Unavailable(_)) if self.backbone == Backbone::Broker => {}
                Err(error) => {
                    assert!(self.draining && error == PublishError::ShuttingDown, "{error}")
                }
            }
        }
        for connected in self.clients.iter_mut().flatten() {
            // With publishes in flight the server may not read on.
            if self.backbone == Backbone::Memory || connected.client.requests.is_empty() {
                connected.client.is_read(&mut self.truth);
            }
            let is_overtaken = self.truth.overtaken.contains(&connected.client.number);
            assert!(
                !is_overtaken || connected.pipe.was_full() || !connected.reads,
                "overtaken, and not closed"
            );
        }
        self.truth.judge();
        let most = CLIENTS * (limits::SEND_QUEUE + 2048);
        assert!(
            self.gateway.registry.connections.waiting_bytes() <= most,
            "more waits for clients than the limit allows"
        );
        self.check_counts();
    }

    fn check_counts(&self) {
        let is_open = |connected: &&Connected| connected.client.closed.is_none();
        let all = || self.clients.iter().flatten().chain([&self.observer]).filter(is_open);
        if all().all(|connected| connected.reads && !connected.pipe.was_full()) {
            let stats = self.gateway.stats();
            let subscriptions =
                all().map(|connected| connected.client.subscriptions.len()).sum::<usize>() as u64;
            let (has, expected) =
                ((stats.connections, stats.subscriptions), (all().count() as u64, subscriptions));
            match self.backbone {
                Backbone::Memory => assert_eq!(has, expected, "connections and subscriptions"),
                // Who is gone while the backbone owes an answer is noticed with that.
                Backbone::Broker => assert!(
                    has.0 >= expected.0 && has.1 >= expected.1,
                    "{has:?} instead of {expected:?}"
                ),
            }
        }
    }

    /// Everybody gets what is left, and goes; then nothing is left over. Gives the fingerprint of
    /// what was seen.
    pub(super) fn finish(mut self) -> u64 {
        self.clients.iter_mut().flatten().for_each(|connected| connected.reads = true);
        let drains = self.random.random_bool(0.3);
        self.settle();
        // What the broker does not answer is asked again, with pauses of up to two seconds.
        for _ in 0..if self.backbone == Backbone::Memory { 20 } else { 80 } {
            self.jump(200);
            if self.backbone == Backbone::Broker {
                self.check_tails();
            }
        }
        for connected in self.clients.iter().flatten().chain([&self.observer]) {
            connected.client.has_everything(&self.truth);
        }
        self.truth.judge_the_whole();
        if drains {
            self.drain();
        }
        self.leave()
    }

    /// The gateway stops: who reads gets everything, then 1001.
    fn drain(&mut self) {
        // What a backbone stores after the last connection has gone is for who resumes elsewhere.
        if self.backbone == Backbone::Memory {
            self.publish_over_http();
            self.turns(1);
        }
        self.draining = true;
        self.gateway.stop();
        self.gateway.registry.connections.all().iter().for_each(|connection| connection.drain());
        for _ in 0..12 {
            self.jump(100);
        }
        assert_eq!(self.observer.client.closed, Some(1001));
        self.observer.client.has_everything(&self.truth);
        assert_eq!(self.clients.iter().flatten().count(), 0, "a connection outlives the drain");
    }

    fn leave(self) -> u64 {
        if self.bug == Bug::LeavesSomething {
            let opened = self.gateway.sessions.clone().open(
                UserId::new("somebody").unwrap(),
                None,
                Arc::new(Nobody),
            );
            std::mem::forget(self.runtime.block_on(opened).unwrap().session);
        }
        let Self { runtime, broker, gateway, observer, clients, truth, .. } = self;
        drop((observer, clients));
        for _ in 0..20 {
            runtime.block_on(async {
                for _ in 0..ALL_TURNS {
                    yield_now().await;
                }
                advance(Duration::from_secs(1)).await;
            });
            let _inside = runtime.enter();
            while gateway.expire_some() {}
        }
        assert_eq!(gateway.stats(), Stats { connections: 0, topics: 0, subscriptions: 0 });
        assert!(
            gateway.sessions.counts().sessions == 0
                && gateway.core.dedup.is_empty()
                && gateway.core.topics.is_empty(),
            "something is left"
        );
        assert_eq!(
            (gateway.core.topics.history_bytes(), gateway.core.topics.topics_fanning_out()),
            (0, 0)
        );
        assert!(gateway.core.tasks.is_empty(), "a task is left");
        assert_eq!(broker.attachments(), 0, "a topic is still attached");
        truth.fingerprint
    }
}

struct Nobody;

impl session::TakeoverListener for Nobody {
    fn taken_over(&self) {}
}
