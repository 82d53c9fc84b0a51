//! What each [`Backbone`] has to do, as tests that know nothing of how it is done. They see the
//! backbones of two gateways over the same log.
//!
//! `tests_of_backbone!` makes the tests for a [`Subject`]. A backbone may refuse, hang or lose live
//! records in each call, so a question is asked until it is answered. Each topic gets fewer messages
//! than every subject's log keeps.

use super::{
    Attached, Backbone, Demand, Event, Head, Inbox, Message, Outcome, Part, ReadBudget, ReadError,
    Record, Unavailable,
};
use crate::dedup::Place;
use futures_util::future::join_all;
use hub::topic::Name;
use parking_lot::Mutex;
use protocol::{Epoch, MessageId};
use serde_json::value::RawValue;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// A kind of backbone, and how long it takes.
pub(crate) trait Subject {
    /// The backbones of two gateways, over the same log, which is empty.
    async fn backbones(&self) -> [Arc<dyn Backbone>; 2];

    /// After this a call is taken not to be answered.
    fn patience(&self) -> Duration;

    /// How long it may take until attached topics are told of a new life.
    fn notice(&self) -> Duration;
}

/// Makes a test of each function of the contract: `tests_of_backbone!(tokio::test, subject)`.
macro_rules! tests_of_backbone {
    ($test:meta, $subject:expr) => {
        $crate::backbone::contract_tests::tests_of_backbone!(
            @ $test, $subject,
            both_gateways_read_the_same_log,
            a_repeat_is_answered_with_the_place_of_the_first,
            publishes_keep_their_order,
            a_publish_that_is_dropped_is_stored_once_at_most,
            live_records_come_in_order,
            what_was_acknowledged_is_below_every_head,
            nothing_is_missing_behind_the_head_of_an_attachment,
            parts_are_whole_from_every_position,
            a_budget_is_kept,
            another_life_has_no_parts,
            a_new_life_is_told_to_all_and_begun_once,
            a_topic_that_is_not_attached_any_more_gets_no_event
        );
    };
    (@ $test:meta, $subject:expr, $($name:ident),*) => {
        $(#[$test] async fn $name() { $crate::backbone::contract_tests::$name(&$subject).await; })*
    };
}
pub(crate) use tests_of_backbone;

/// The backbone of a gateway, and how long the tests wait for what it does.
struct Gateway {
    backbone: Arc<dyn Backbone>,
    patience: Duration,
}

async fn fleet(subject: &impl Subject) -> [Gateway; 2] {
    let patience = subject.patience();
    subject.backbones().await.map(|backbone| Gateway { backbone, patience })
}

fn topic(number: usize) -> Name {
    Name::new(format!("t{number}")).unwrap()
}

/// Each has another payload, by which it is known.
fn message(topic_number: usize, id: usize) -> Message {
    static ATTEMPTS: AtomicUsize = AtomicUsize::new(0);
    let attempt = ATTEMPTS.fetch_add(1, Relaxed);
    Message {
        topic: topic(topic_number),
        user: "u".into(),
        message_id: MessageId::new(format!("m{id}")).unwrap(),
        data: RawValue::from_string(format!("{{\"attempt\":{attempt}}}")).unwrap(),
    }
}

/// What a record is, beside its life and age.
fn essence(record: &Record) -> (u64, String, String) {
    (record.seq_no, record.message_id.as_str().to_owned(), record.data.get().to_owned())
}

/// Tries that fail in a row, after which a backbone is taken not to answer at all.
const TRIES: usize = 100;

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(50);

impl Gateway {
    async fn ask<T, E>(&self, mut question: impl AsyncFnMut() -> Result<T, E>) -> T {
        for _ in 0..TRIES {
            if let Ok(Ok(answer)) = timeout(self.patience, question()).await {
                return answer;
            }
            // As a client does that repeats itself: a real server on a busy machine is away for a
            // moment.
            sleep(PAUSE).await;
        }
        panic!("no answer in {TRIES} tries");
    }

    /// Publishes until the place is known.
    async fn publish(&self, message: &Message) -> u64 {
        self.ask(async || match self.backbone.publish(message.clone()).await {
            Outcome::Stored(seq_no) | Outcome::Duplicate(Place { seq_no, .. }) => Ok(seq_no),
            Outcome::Refused | Outcome::Unknown => Err(()),
        })
        .await
    }

    async fn head(&self, topic: &Name) -> Head {
        self.ask(async || self.backbone.head(topic).await).await
    }

    async fn attach(&self, topic: &Name, inbox: &Arc<Heard>) -> Attached {
        self.ask(async || self.backbone.attach(topic.clone(), inbox.clone()).await).await
    }

    async fn part(
        &self,
        topic: &Name,
        epoch: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> Part {
        self.ask(async || match self.backbone.read(topic, epoch, after, budget).await {
            Ok(part) if part.up_to > after || part.after > after => Ok(part),
            Ok(_) => Err(Unavailable),
            Err(ReadError::Unavailable(why)) => Err(why),
            Err(ReadError::AnotherLife) => panic!("the life has changed"),
        })
        .await
    }

    /// Everything behind `after`, up to the head.
    async fn log(
        &self,
        topic: &Name,
        after: u64,
        budget: ReadBudget,
    ) -> Vec<(u64, String, String)> {
        let Head { epoch, seq_no: end, .. } = self.head(topic).await;
        let (mut found, mut at) = (Vec::new(), after);
        while at < end {
            let part = self.part(topic, &epoch, at, budget).await;
            // Only what lies before the topic's first message may be gone.
            assert!(part.after == at || found.is_empty(), "a hole behind {at}: {part:?}");
            assert!(part.up_to >= part.after, "{part:?}");
            for record in &part.records {
                assert!(record.seq_no > part.after && record.seq_no <= part.up_to, "{part:?}");
                assert_eq!(*record.epoch, *epoch);
            }
            found.extend(part.records.iter().map(essence));
            at = part.up_to;
        }
        found
    }
}

const LARGE: ReadBudget = ReadBudget { messages: 100, bytes: 1024 * 1024 };

/// An inbox that remembers.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(Name, Event)>>);

impl Inbox for Heard {
    fn deliver(&self, topic: &Name, event: Event) -> Demand {
        self.0.lock().push((topic.clone(), event));
        Demand::More
    }
}

impl Heard {
    fn records(&self) -> Vec<(u64, String, String)> {
        let heard = self.0.lock();
        let record = |(_, event): &(Name, Event)| match event {
            Event::Record(record) => Some(essence(record)),
            Event::Head(_) => None,
        };
        heard.iter().filter_map(record).collect()
    }

    fn has_heard_of(&self, topic: &Name, epoch: &Epoch<'_>) -> bool {
        let heard = self.0.lock();
        let tells = |(of, event): &(Name, Event)| match event {
            Event::Head(head) => of == topic && *head.epoch == *epoch,
            Event::Record(_) => false,
        };
        heard.iter().any(tells)
    }
}

pub(crate) async fn both_gateways_read_the_same_log(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let mut expected = Vec::new();
    for id in 0..16 {
        let message = message(0, id);
        let gateway = if id % 3 == 0 { &a } else { &b };
        let seq_no = gateway.publish(&message).await;
        expected.push((seq_no, format!("m{id}"), message.data.get().to_owned()));
    }
    assert!(expected.is_sorted_by(|a, b| a.0 < b.0), "{expected:?}");
    assert_eq!(a.log(&topic(0), 0, LARGE).await, expected);
    assert_eq!(b.log(&topic(0), 0, LARGE).await, expected);
}

pub(crate) async fn a_repeat_is_answered_with_the_place_of_the_first(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    for id in 0..8 {
        let seq_no = a.publish(&message(0, id)).await;
        let first = Place { topic: Arc::new(topic(0)), seq_no };
        for (gateway, topic) in [(&b, 0), (&a, 0), (&b, 1)] {
            let repeat =
                gateway.ask(async || match gateway.backbone.publish(message(topic, id)).await {
                    Outcome::Duplicate(place) => Ok(place),
                    Outcome::Stored(seq_no) => panic!("stored again, at {seq_no}"),
                    Outcome::Refused | Outcome::Unknown => Err(()),
                });
            assert_eq!(repeat.await, first);
        }
    }
    assert_eq!(b.log(&topic(0), 0, LARGE).await.len(), 8);
}

pub(crate) async fn publishes_keep_their_order(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let publishes: Vec<_> = (0..20).map(|id| a.backbone.publish(message(0, id))).collect();
    let publishes = publishes.into_iter().map(|publish| timeout(a.patience, publish));
    let stored: Vec<_> = join_all(publishes)
        .await
        .into_iter()
        .filter_map(|outcome| match outcome {
            Ok(Outcome::Stored(seq_no)) => Some(seq_no),
            _ => None,
        })
        .collect();
    assert!(!stored.is_empty() && stored.is_sorted_by(|a, b| a < b), "{stored:?}");
    let log = b.log(&topic(0), 0, LARGE).await;
    let ids: Vec<usize> = log.iter().map(|(_, id, _)| id[1..].parse().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub(crate) async fn a_publish_that_is_dropped_is_stored_once_at_most(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    for id in 0..8 {
        let message = message(0, id);
        drop(a.backbone.publish(message.clone()));
        b.publish(&message).await;
        a.publish(&message).await;
    }
    let log = b.log(&topic(0), 0, LARGE).await;
    let ids: BTreeSet<_> = log.iter().map(|(_, id, _)| id.clone()).collect();
    assert_eq!((log.len(), ids.len()), (8, 8), "{log:?}");
}

pub(crate) async fn live_records_come_in_order(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let heard = Arc::<Heard>::default();
    let _attached = b.attach(&topic(0), &heard).await;
    for id in 0..16 {
        a.publish(&message(0, id)).await;
        a.publish(&message(1, 100 + id)).await;
    }
    let log = a.log(&topic(0), 0, LARGE).await;
    // What is on the way arrives.
    let deadline = Instant::now() + subject.patience();
    while heard.records().len() < log.len() && Instant::now() < deadline {
        // Nothing tells when an event comes, so look again.
        sleep(Duration::from_millis(1)).await;
    }
    let records = heard.records();
    assert!(records.len() >= log.len() / 2, "{records:?}");
    assert!(records.is_sorted_by(|a, b| a.0 <= b.0), "{records:?}");
    assert!(records.iter().all(|record| log.contains(record)), "{records:?} of {log:?}");
    for (of, event) in &*heard.0.lock() {
        assert_eq!(*of, topic(0));
        let Event::Record(record) = event else { continue };
        let before = log.iter().rev().find(|(seq_no, ..)| *seq_no < record.seq_no);
        let before = before.map_or(0, |(seq_no, ..)| *seq_no);
        assert!(record.prev.is_none_or(|prev| prev == before), "{record:?} behind {before}");
    }
}

pub(crate) async fn what_was_acknowledged_is_below_every_head(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    for id in 0..20 {
        let message = message(0, id);
        let stored = a.publish(&message).await;
        for gateway in [&b, &a] {
            let head = gateway.head(&topic(0)).await;
            assert_eq!((head.seq_no, head.message_id), (stored, Some(message.message_id.clone())));
        }
        let attached = b.attach(&topic(0), &Arc::default()).await;
        assert_eq!(attached.head.seq_no, stored);
    }
}

pub(crate) async fn nothing_is_missing_behind_the_head_of_an_attachment(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let attached = b.attach(&topic(0), &Arc::default()).await;
    let first = a.publish(&message(0, 0)).await;
    assert!(first > attached.head.seq_no);
    let log = b.log(&topic(0), attached.head.seq_no, LARGE).await;
    assert_eq!(log.iter().map(|(seq_no, ..)| *seq_no).collect::<Vec<_>>(), [first]);
}

pub(crate) async fn parts_are_whole_from_every_position(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    for id in 0..12 {
        a.publish(&message(id % 2, id)).await;
        a.publish(&message(0, 100 + id)).await;
    }
    let log = b.log(&topic(0), 0, LARGE).await;
    assert_eq!(log.len(), 18);
    let first = log[0].0;
    let end = b.head(&topic(0)).await.seq_no;
    for after in first..end {
        let budget = ReadBudget { messages: 1 + after as usize % 5, ..LARGE };
        let expected: Vec<_> = log.iter().filter(|(seq_no, ..)| *seq_no > after).cloned().collect();
        assert_eq!(b.log(&topic(0), after, budget).await, expected, "behind {after}");
    }
}

pub(crate) async fn a_budget_is_kept(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    for id in 0..10 {
        a.publish(&message(0, id)).await;
    }
    let Head { epoch, .. } = b.head(&topic(0)).await;
    let three = b.part(&topic(0), &epoch, 0, ReadBudget { messages: 3, ..LARGE }).await;
    assert!((1..=3).contains(&three.records.len()), "{three:?}");
    let one = b.part(&topic(0), &epoch, 0, ReadBudget { messages: 10, bytes: 1 }).await;
    assert!(!one.records.is_empty(), "{one:?}");
}

pub(crate) async fn another_life_has_no_parts(subject: &impl Subject) {
    let [a, _b] = fleet(subject).await;
    a.publish(&message(0, 0)).await;
    let other = Epoch::new("another").unwrap();
    let refused = a.ask(async || match a.backbone.read(&topic(0), &other, 0, LARGE).await {
        Err(ReadError::AnotherLife) => Ok(()),
        Ok(part) => panic!("{part:?}"),
        Err(ReadError::Unavailable(why)) => Err(why),
    });
    refused.await;
}

pub(crate) async fn a_new_life_is_told_to_all_and_begun_once(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let stored = a.publish(&message(0, 0)).await;
    let inboxes = [Arc::<Heard>::default(), Arc::default()];
    let _attached =
        [a.attach(&topic(0), &inboxes[0]).await, b.attach(&topic(0), &inboxes[1]).await];
    let old = a.head(&topic(0)).await.epoch;
    let new = a.ask(async || a.backbone.renumber(&topic(0), &old).await).await;
    assert_ne!(new.epoch, old);
    assert_eq!(new.seq_no, stored);
    let again = b.ask(async || b.backbone.renumber(&topic(0), &old).await).await;
    assert_eq!(again.epoch, new.epoch, "it was begun already");
    for gateway in [&a, &b] {
        let head = gateway.head(&topic(0)).await;
        assert_eq!((head.seq_no, &head.epoch), (stored, &new.epoch));
    }
    let deadline = Instant::now() + subject.notice();
    while !inboxes.iter().all(|inbox| inbox.has_heard_of(&topic(0), &new.epoch)) {
        assert!(Instant::now() < deadline, "not told within {:?}", subject.notice());
        // Nothing tells when an event comes, so look again.
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(b.log(&topic(0), 0, LARGE).await.len(), 1);
}

pub(crate) async fn a_topic_that_is_not_attached_any_more_gets_no_event(subject: &impl Subject) {
    let [a, b] = fleet(subject).await;
    let heard = Arc::<Heard>::default();
    drop(b.attach(&topic(0), &heard).await);
    let still = Arc::<Heard>::default();
    let _attached = b.attach(&topic(0), &still).await;
    let before = heard.records().len();
    for id in 0..10 {
        a.publish(&message(0, id)).await;
    }
    let deadline = Instant::now() + subject.patience();
    while still.records().is_empty() && Instant::now() < deadline {
        // Nothing tells when an event comes, so look again.
        sleep(Duration::from_millis(1)).await;
    }
    assert!(!still.records().is_empty());
    assert_eq!(heard.records().len(), before);
}
