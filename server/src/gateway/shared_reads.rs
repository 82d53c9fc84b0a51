//! What a gateway of a fleet asks its backbone for when many clients resume at once, as they do after
//! another gateway has ended.

use super::{Fleet, Gateway};
use crate::{
    backbone::{
        Attached, Backbone, Head, Health, Inbox, Message, Outcome, Part, ReadBudget, ReadError,
        Record, Unavailable,
    },
    config::Config,
};
use futures_util::{
    FutureExt,
    future::{self, BoxFuture, join_all},
};
use hub::{Owner, topic::Name};
use protocol::{Epoch, MessageId, Position, SeqNo};
use serde_json::value::RawValue;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::sleep;

/// The number of each topic's newest message.
const HEAD: u64 = 1000;

/// Topics with messages that were stored before, and how often they are asked for.
#[derive(Debug)]
struct Log {
    epoch: Arc<Epoch<'static>>,
    attaches: AtomicUsize,
    reads: AtomicUsize,
}

impl Log {
    fn end(&self) -> Head {
        Head { epoch: self.epoch.clone(), seq_no: HEAD, message_id: None }
    }

    fn record(epoch: &Arc<Epoch<'static>>, seq_no: u64) -> Record {
        Record {
            epoch: epoch.clone(),
            seq_no,
            prev: Some(seq_no - 1),
            message_id: MessageId::new(format!("m{seq_no}")).unwrap(),
            data: RawValue::from_string("1".to_owned()).unwrap(),
            age: Duration::ZERO,
        }
    }
}

impl Backbone for Log {
    fn publish(&self, _: Message) -> BoxFuture<'static, Outcome> {
        future::ready(Outcome::Refused).boxed()
    }

    fn attach(
        &self,
        _: Name,
        _: Arc<dyn Inbox>,
    ) -> BoxFuture<'static, Result<Attached, Unavailable>> {
        self.attaches.fetch_add(1, Relaxed);
        let attached = Attached { head: self.end(), guard: Box::new(()) };
        sleep(Duration::from_millis(5)).map(|()| Ok(attached)).boxed()
    }

    fn head(&self, _: &Name) -> BoxFuture<'static, Result<Head, Unavailable>> {
        future::ready(Ok(self.end())).boxed()
    }

    fn read(
        &self,
        _: &Name,
        _: &Epoch<'static>,
        after: u64,
        budget: ReadBudget,
    ) -> BoxFuture<'static, Result<Part, ReadError>> {
        self.reads.fetch_add(1, Relaxed);
        let up_to = HEAD.min(after + budget.messages as u64);
        let records = (after + 1..=up_to).map(|seq_no| Self::record(&self.epoch, seq_no)).collect();
        let part = Part { after, records, up_to };
        sleep(Duration::from_millis(5)).map(|()| Ok(part)).boxed()
    }

    fn renumber(
        &self,
        _: &Name,
        _: &Epoch<'static>,
    ) -> BoxFuture<'static, Result<Head, Unavailable>> {
        future::ready(Err(Unavailable)).boxed()
    }

    fn health(&self) -> Health {
        Health::Reachable
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_that_resume_one_topic_attach_it_once_and_read_it_once() {
    let log = Arc::new(Log {
        epoch: Arc::new(Epoch::new("life").unwrap()),
        attaches: AtomicUsize::new(0),
        reads: AtomicUsize::new(0),
    });
    let fleet = Fleet { backbone: Some(log.clone()), records: None, redis: None };
    let gateway = Gateway::in_fleet(Config::default(), fleet).unwrap();
    let topic = protocol::Topic::new("prices").unwrap();
    let resumes = (0..5000).map(|number| {
        let position =
            Position { epoch: None, last_seq: SeqNo::new(HEAD - 1 - number % 300).unwrap() };
        gateway.sequencer.prepare(&topic, Owner::User("u"), Some(position)).expect("a read")
    });
    for prepared in join_all(resumes).await {
        assert!(prepared.unwrap().page.is_some());
    }
    assert_eq!(log.attaches.load(Relaxed), 1);
    // The first one that comes reads from its own position, the second from the lowest of all.
    assert!(log.reads.load(Relaxed) <= 2, "{} reads", log.reads.load(Relaxed));
}
