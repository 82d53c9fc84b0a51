//! A gateway of the fleet. Its ways to the broker and to the records of sessions can be cut, for a
//! while or for ever: a gateway that is cut off for ever and has no client is one that was killed.

use crate::{
    backbone::{
        Attached, Backbone, Demand, Event, Head, Health, Inbox, Message, Outcome, Part, ReadBudget,
        ReadError, Unavailable,
    },
    config::Config,
    gateway::{Fleet, Gateway},
    session::{
        self,
        double::{Faults, Link, When},
        records::{PutError, Record, RecordName, Records, Revision},
    },
    simulation::{authority::Authority, broker::Broker, limits},
};
use futures_util::{FutureExt, future::BoxFuture};
use hub::topic::Name;
use protocol::Epoch;
use std::{
    fmt::Debug,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// What goes wrong with one call of the records in so many.
const FAULTS: Faults = Faults {
    delay: Duration::from_millis(3),
    stale: When::Sometimes(0.1),
    refused: When::Sometimes(0.03),
    lost_reply: When::Sometimes(0.03),
    hang: When::Sometimes(0.01),
};

/// Within this time of being reached again, a gateway has renewed its lease.
const RENEWED: Duration = Duration::from_secs(10);

pub(super) struct Node {
    pub(super) gateway: Arc<Gateway>,
    is_cut: Arc<AtomicBool>,
    /// When its ways were cut, and when they were whole again.
    cuts: Vec<(Instant, Option<Instant>)>,
}

impl Node {
    /// Inside the simulation's runtime.
    pub(super) fn start(
        broker: Arc<Broker>,
        records: Arc<session::double::Server>,
        authority: Authority,
        seed: u64,
    ) -> Self {
        let is_cut = Arc::new(AtomicBool::new(false));
        let link = Link::new(records, seed);
        link.set(FAULTS);
        let fleet = Fleet {
            backbone: Some(Arc::new(Way { to: broker, is_cut: is_cut.clone() })),
            records: Some(Arc::new(Way { to: link, is_cut: is_cut.clone() })),
            redis: None,
        };
        let gateway = Gateway::in_fleet(config(), fleet).unwrap();
        let gateway = Arc::new(gateway.with_authenticator(Box::new(authority)));
        tokio::spawn(gateway.sessions.clone().background().unwrap());
        Self { gateway, is_cut, cuts: Vec::new() }
    }

    pub(super) fn cut(&mut self) {
        if !self.is_cut.swap(true, Relaxed) {
            self.cuts.push((Instant::now(), None));
        }
    }

    pub(super) fn heal(&mut self) {
        self.is_cut.store(false, Relaxed);
        if let Some((_, end @ None)) = self.cuts.last_mut() {
            *end = Some(Instant::now());
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Relaxed)
    }

    /// Whether its ways were whole for all of this time.
    pub(super) fn was_whole(&self, from: Instant, to: Instant) -> bool {
        let is_outside = |(begin, end): &(Instant, Option<Instant>)| {
            *begin >= to || end.is_some_and(|end| end <= from)
        };
        self.cuts.iter().all(is_outside)
    }

    /// The last moment until `time` at which it is known to have renewed its lease.
    pub(super) fn last_whole(&self, time: Instant) -> Instant {
        let covers = |(begin, end): &&(Instant, Option<Instant>)| {
            *begin <= time && end.is_none_or(|end| time <= end + RENEWED)
        };
        self.cuts.iter().find(covers).map_or(time, |(begin, _)| *begin)
    }
}

fn config() -> Config {
    hub::grain::make_fine();
    let mut config = Config::default();
    config.limits.topic_backlog = 600;
    config.backbone.publish_timeout = limits::PUBLISH;
    config.backbone.attach_timeout = limits::ATTACH;
    config.backbone.detach_after = limits::DETACH;
    config.history.messages = limits::MESSAGES;
    config.history.age = super::AGE;
    config.session.ttl = super::SESSION;
    config.dedup.window = limits::WINDOW;
    config
}

/// A way that can be cut: then no call arrives, and no answer comes.
#[derive(Debug)]
struct Way<T: ?Sized> {
    to: Arc<T>,
    is_cut: Arc<AtomicBool>,
}

impl<T: ?Sized> Way<T> {
    fn over<A: Send + 'static>(
        &self,
        call: impl FnOnce(&T) -> BoxFuture<'static, A>,
    ) -> BoxFuture<'static, A> {
        if self.is_cut.load(Relaxed) {
            return pending().boxed();
        }
        let (answer, is_cut) = (call(&self.to), self.is_cut.clone());
        async move {
            let answer = answer.await;
            if is_cut.load(Relaxed) { pending().await } else { answer }
        }
        .boxed()
    }
}

impl Backbone for Way<Broker> {
    fn publish(&self, message: Message) -> BoxFuture<'static, Outcome> {
        self.over(|broker| broker.publish(message))
    }

    fn attach(
        &self,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        let inbox = Arc::new(Way { to: inbox, is_cut: self.is_cut.clone() });
        self.over(|broker| broker.attach(topic, inbox))
    }

    fn head(&self, topic: &Name) -> BoxFuture<'static, Result<Head, Unavailable>> {
        self.over(|broker| broker.head(topic))
    }

    fn read(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>> {
        self.over(|broker| broker.read(topic, epoch, after, budget))
    }

    fn renumber(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>> {
        self.over(|broker| broker.renumber(topic, epoch))
    }

    fn health(&self) -> Health {
        self.to.health()
    }
}

impl Inbox for Way<dyn Inbox> {
    fn deliver(&self, topic: &Name, event: Event) -> Demand {
        if self.is_cut.load(Relaxed) { Demand::More } else { self.to.deliver(topic, event) }
    }
}

impl Records for Way<Link> {
    fn get(
        &self,
        name: RecordName,
    ) -> BoxFuture<'static, Result<Option<Record>, session::Unavailable>> {
        self.over(|records| records.get(name))
    }

    fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Revision, PutError>> {
        self.over(|records| records.put(name, expected, value, ttl))
    }
}
