//! A gateway of a test, seen from below: it publishes to one topic, asks about it, and waits for what
//! it is told, each within a time that a working server never needs.

use super::{Backbone, Demand, Event, Head, Health, Inbox, Message, Outcome, Part, ReadBudget};
use hub::topic::Name;
use protocol::{Epoch, MessageId};
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

pub(super) const SOON: Duration = Duration::from_secs(10);

/// An inbox that passes on what it is told.
#[derive(Debug)]
pub(super) struct Told(mpsc::UnboundedSender<Event>);

impl Inbox for Told {
    fn deliver(&self, _: &Name, event: Event) -> Demand {
        let _ = self.0.send(event);
        Demand::More
    }
}

pub(super) fn inbox() -> (Arc<Told>, mpsc::UnboundedReceiver<Event>) {
    let (tell, told) = mpsc::unbounded_channel();
    (Arc::new(Told(tell)), told)
}

pub(super) fn topic() -> Name {
    Name::new("prices").unwrap()
}

pub(super) fn message(id: usize) -> Message {
    Message {
        topic: topic(),
        user: "u".into(),
        message_id: MessageId::new(format!("m{id}")).unwrap(),
        data: RawValue::from_string(id.to_string()).unwrap(),
    }
}

pub(super) async fn in_time<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let ended = timeout(limit, work).await;
    ended.unwrap_or_else(|_| panic!("{what}: not within {limit:?}"))
}

/// Publishes, again and again, until it is known where the message is.
pub(super) async fn publish(backbone: &impl Backbone, id: usize) -> u64 {
    let publishing = async {
        loop {
            let outcome = timeout(Duration::from_secs(1), backbone.publish(message(id))).await;
            match outcome.unwrap_or(Outcome::Unknown) {
                Outcome::Stored(seq_no) => return seq_no,
                Outcome::Duplicate(place) => return place.seq_no,
                // The backbone says nothing when it can be tried again.
                Outcome::Refused | Outcome::Unknown => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    in_time(SOON, "a publish", publishing).await
}

pub(super) async fn head(backbone: &impl Backbone) -> Head {
    in_time(SOON, "a head", backbone.head(&topic())).await.unwrap()
}

pub(super) async fn read(backbone: &impl Backbone, epoch: &Epoch<'static>, after: u64) -> Part {
    let budget = ReadBudget { messages: 100, bytes: 1 << 20 };
    in_time(SOON, "a part", backbone.read(&topic(), epoch, after, budget)).await.unwrap()
}

pub(super) fn numbers(part: &Part) -> Vec<u64> {
    part.records.iter().map(|record| record.seq_no).collect()
}

/// Until an event tells a head in another life than `old`.
pub(super) async fn new_life(
    told: &mut mpsc::UnboundedReceiver<Event>,
    old: &Epoch<'static>,
) -> Head {
    let waiting = async {
        loop {
            if let Event::Head(head) = told.recv().await.unwrap()
                && *head.epoch != *old
            {
                return head;
            }
        }
    };
    in_time(SOON, "a new life", waiting).await
}

/// The numbers of the next records that an inbox is told, if nothing else is.
pub(super) async fn told_records(
    told: &mut mpsc::UnboundedReceiver<Event>,
    count: usize,
) -> Vec<u64> {
    let live = async {
        let mut found = Vec::new();
        while found.len() < count {
            match told.recv().await.unwrap() {
                Event::Record(record) => found.push(record.seq_no),
                Event::Head(head) => panic!("{head:?} behind {found:?}"),
            }
        }
        found
    };
    in_time(SOON, "live records", live).await
}

pub(super) async fn becomes(backbone: &impl Backbone, health: Health, limit: Duration) {
    let waiting = async {
        while backbone.health() != health {
            // Nothing tells when it changes, so ask again.
            sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(limit, "the health", waiting).await;
}
