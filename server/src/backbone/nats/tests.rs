//! Against real servers.

use super::{Nats, Settings, StartError};
use crate::{
    backbone::{
        Backbone, Event, Health, Outcome, contract_tests as contract,
        probe::{
            SOON, becomes, head, in_time, inbox, message, new_life, numbers, publish, read, topic,
        },
    },
    config::{Config, Servers},
    nats_server::NatsServer,
};
use protocol::MessageId;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// A gateway's backbone at this server, not started.
fn settings(server: &NatsServer, change: impl FnOnce(&mut Config)) -> Settings {
    let mut config = Config::default();
    config.backbone.url = Servers::parse(&server.url()).unwrap();
    change(&mut config);
    Settings::new(&config)
}

async fn start(server: &NatsServer, change: impl FnOnce(&mut Config)) -> Result<Nats, StartError> {
    let nats = Nats::new(settings(server, change));
    nats.start().await.map(|()| nats)
}

struct Real(NatsServer);

impl contract::Subject for Real {
    async fn backbones(&self) -> [Arc<dyn Backbone>; 2] {
        let mut started = Vec::<Arc<dyn Backbone>>::new();
        for _ in 0..2 {
            started.push(Arc::new(start(&self.0, |_| {}).await.unwrap()));
        }
        started.try_into().unwrap()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn notice(&self) -> Duration {
        Duration::from_secs(12)
    }
}

mod of_every_backbone {
    use super::{NatsServer, Real, contract};

    contract::tests_of_backbone!(tokio::test, Real(NatsServer::start()));
}

/// One request to JetStream.
async fn api(server: &NatsServer, verb: &str, body: serde_json::Value) -> serde_json::Value {
    let client = async_nats::connect(server.url()).await.unwrap();
    let subject = format!("$JS.API.STREAM.{verb}.micro-socket-0");
    let answer = client.request(subject, body.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn after_a_kill_what_was_stored_is_there_in_the_same_life() {
    let mut server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    let (inbox, mut told) = inbox();
    let attached = nats.attach(topic(), inbox).await.unwrap();
    let first = publish(&nats, 0).await;
    server.kill();
    becomes(&nats, Health::Unreachable, Duration::from_secs(2)).await;
    server.begin();
    becomes(&nats, Health::Reachable, Duration::from_secs(2)).await;
    let second = publish(&nats, 1).await;
    assert!(second > first);
    let live = async {
        let mut found = Vec::new();
        while found.len() < 2 {
            if let Event::Record(record) = told.recv().await.unwrap() {
                assert_eq!(record.epoch, attached.head.epoch);
                found.push(record.seq_no);
            }
        }
        found
    };
    assert_eq!(in_time(SOON, "two messages", live).await, [first, second]);
    assert_eq!(numbers(&read(&nats, &attached.head.epoch, 0).await), [first, second]);
    assert_eq!(nats.figures().reconnects, 1);
    assert!(
        matches!(nats.publish(message(0)).await, Outcome::Duplicate(place) if place.seq_no == first)
    );
}

#[tokio::test]
async fn a_log_that_was_lost_has_a_new_life() {
    let mut server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    let (inbox, mut told) = inbox();
    let attached = nats.attach(topic(), inbox).await.unwrap();
    publish(&nats, 0).await;
    server.kill();
    server.forget();
    server.begin();
    let head = new_life(&mut told, &attached.head.epoch).await;
    assert_eq!(head.message_id, None);
    let stored = publish(&nats, 0).await;
    assert!(stored > head.seq_no, "{stored} behind {head:?}");
    assert_eq!(numbers(&read(&nats, &head.epoch, head.seq_no).await), [stored]);
}

#[tokio::test]
async fn numbers_that_are_given_again_belong_to_a_new_life_at_every_gateway() {
    let mut server = NatsServer::start();
    let a = start(&server, |_| {}).await.unwrap();
    let b = start(&server, |_| {}).await.unwrap();
    let (inboxes, mut told): (Vec<_>, Vec<_>) = [inbox(), inbox()].into_iter().unzip();
    let attached = a.attach(topic(), inboxes[0].clone()).await.unwrap();
    let _other = b.attach(topic(), inboxes[1].clone()).await.unwrap();
    publish(&a, 0).await;
    let old = attached.head.epoch.clone();
    // Twice to the same copy: the life between must not come back either.
    server.kill();
    server.save();
    server.begin();
    let mut lives = vec![old];
    for round in 0..2 {
        for id in 0..5 {
            publish(&a, 10 * round + id + 1).await;
        }
        server.kill();
        server.set_back();
        server.begin();
        let before = lives.last().unwrap().clone();
        let heads = [new_life(&mut told[0], &before).await, new_life(&mut told[1], &before).await];
        let present = head(&a).await.epoch;
        assert!(!lives.contains(&present), "a former life");
        assert_eq!(head(&b).await.epoch, present, "{heads:?}");
        lives.push(present);
    }
    // A gateway that starts later finds the same one.
    let late = start(&server, |_| {}).await.unwrap();
    assert_eq!(head(&late).await.epoch, *lives.last().unwrap());
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_and_nothing_is_stored_twice() {
    let server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    becomes(&nats, Health::Reachable, Duration::from_secs(2)).await;
    server.signal("STOP");
    let hanging = tokio::spawn(nats.publish(message(0)));
    becomes(&nats, Health::Unreachable, Duration::from_secs(2)).await;
    assert!(
        timeout(Duration::from_millis(300), nats.head(&topic())).await.is_err(),
        "a claim without a proof"
    );
    server.signal("CONT");
    becomes(&nats, Health::Reachable, Duration::from_secs(2)).await;
    let stored = publish(&nats, 0).await;
    assert!(matches!(hanging.await.unwrap(), Outcome::Stored(first) if first == stored));
    let epoch = head(&nats).await.epoch;
    assert_eq!(numbers(&read(&nats, &epoch, 0).await), [stored]);
}

#[tokio::test]
async fn a_message_that_was_not_delivered_live_is_found() {
    let server = NatsServer::start();
    let [a, b] = [start(&server, |_| {}).await.unwrap(), start(&server, |_| {}).await.unwrap()];
    let (inbox, mut told) = inbox();
    let _attached = b.attach(topic(), inbox).await.unwrap();
    // As if the server had been killed between storing and republishing.
    b.fleet.attachments.find(&topic()).unwrap().stop_listening();
    let stored = publish(&a, 0).await;
    let event = in_time(Duration::from_secs(12), "the head", told.recv()).await.unwrap();
    assert!(
        matches!(event, Event::Head(head) if head.seq_no == stored && head.message_id.is_some())
    );
}

#[tokio::test]
async fn what_was_dropped_from_the_log_is_not_passed_over() {
    let server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    let mut stored = Vec::new();
    for id in 0..10 {
        stored.push(publish(&nats, id).await);
    }
    let epoch = head(&nats).await.epoch;
    api(&server, "PURGE", serde_json::json!({ "seq": stored[5] })).await;
    let part = read(&nats, &epoch, stored[2]).await;
    assert!(part.after > stored[2] && part.after < stored[5], "{part:?}");
    assert_eq!(numbers(&part), stored[5..]);
    let part = read(&nats, &epoch, stored[4]).await;
    assert_eq!(
        (part.after, numbers(&part)),
        (stored[4], stored[5..].to_vec()),
        "nothing is missing"
    );
    let part = read(&nats, &epoch, stored[9]).await;
    assert!(
        part.after == stored[9] && part.records.is_empty() && part.up_to >= stored[9],
        "{part:?}"
    );
    api(&server, "PURGE", serde_json::json!({})).await;
    let part = read(&nats, &epoch, stored[9]).await;
    let is_lost = part.after > stored[9] && part.records.is_empty();
    assert!(is_lost, "something may have come and gone: {part:?}");
}

#[tokio::test]
async fn a_quiet_topic_keeps_its_head_after_its_messages_have_expired() {
    let server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    let (inbox, mut told) = inbox();
    let _attached = nats.attach(topic(), inbox).await.unwrap();
    let stored = publish(&nats, 0).await;
    assert_eq!(head(&nats).await.seq_no, stored);
    // As by age: of the topic nothing is left, and nothing behind the proof was dropped.
    api(&server, "PURGE", serde_json::json!({ "seq": stored + 1 })).await;
    assert_eq!(head(&nats).await.seq_no, stored);
    // A gateway that has not followed it knows no number, but one that is proved.
    let other = start(&server, |_| {}).await.unwrap();
    let unknown = head(&other).await;
    assert!(unknown.seq_no > stored && unknown.message_id.is_none(), "{unknown:?}");
    let next = publish(&nats, 1).await;
    assert!(next > unknown.seq_no);
    assert_eq!(numbers(&read(&other, &unknown.epoch, unknown.seq_no).await), [next]);
    while let Ok(event) = told.try_recv() {
        assert!(matches!(event, Event::Record(_)), "no loss is told: {event:?}");
    }
}

#[tokio::test]
async fn what_other_programs_publish_is_left_out() {
    let server = NatsServer::start();
    let nats = start(&server, |_| {}).await.unwrap();
    let (inbox, mut told) = inbox();
    let _attached = nats.attach(topic(), inbox).await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let subject = nats.fleet.names[0].messages(&topic());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", super::key::encode("u", &MessageId::new("x").unwrap()).as_str());
    client.publish(subject.clone(), "1".into()).await.unwrap();
    client.publish_with_headers(subject, headers, "not JSON".into()).await.unwrap();
    client.flush().await.unwrap();
    let stored = publish(&nats, 0).await;
    let epoch = head(&nats).await.epoch;
    assert_eq!(numbers(&read(&nats, &epoch, 0).await), [stored]);
    let event = in_time(SOON, "the message", told.recv()).await.unwrap();
    assert!(matches!(event, Event::Record(record) if record.seq_no == stored));
}

#[tokio::test]
async fn a_stream_with_other_settings_is_refused_with_what_differs_and_left_alone() {
    let server = NatsServer::start();
    drop(start(&server, |_| {}).await.unwrap());
    let refused = |change: fn(&mut Config)| {
        let starting = start(&server, change);
        async { starting.await.unwrap_err().to_string() }
    };
    let text = refused(|config| config.dedup.window = Duration::from_secs(60)).await;
    assert!(
        text.starts_with(
            "the stream micro-socket-0 has other settings than the configuration asks for: \
            duplicate_window is 120000000000, wanted 60000000000; change the configuration, or"
        ),
        "{text}"
    );
    let text = refused(|config| config.backbone.shards = 2).await;
    assert!(
        text.starts_with("backbone.shards: found 2; the stream micro-socket-0 was made for 1"),
        "{text}"
    );
    let text = refused(|config| config.limits.max_frame = 1 << 20).await;
    assert!(
        text.starts_with("limits.max_frame: found 1048576 bytes")
            && text.contains("max_payload of 1048576"),
        "{text}"
    );
    let found = api(&server, "INFO", serde_json::json!({})).await;
    assert_eq!(found["config"]["duplicate_window"], 120_000_000_000_u64);
}

/// The records of sessions, against the contract of every store.
mod session_records {
    use super::*;
    use crate::session::{
        Limits, Shared, Store,
        contract_tests::{Subject, tests_of_store},
        shared::Timing,
    };
    use hub::clock::Clock;
    use parking_lot::Mutex;

    struct Real {
        server: NatsServer,
        running: Mutex<Vec<Nats>>,
    }

    impl Real {
        fn new() -> Self {
            Self { server: NatsServer::start(), running: Mutex::default() }
        }
    }

    const TIMING: fn() -> Timing = || Timing {
        lease: Duration::from_secs(3),
        positions: Duration::from_millis(200),
        ..Timing::default()
    };

    impl Subject for Real {
        async fn stores(&self, limits: Limits) -> [Arc<dyn Store>; 2] {
            let mut stores = Vec::<Arc<dyn Store>>::new();
            for _ in 0..2 {
                let nats = start(&self.server, |_| {}).await.unwrap();
                let records = Arc::new(nats.session_records());
                stores.push(Arc::new(Shared::new(records, limits, TIMING(), Clock::start())));
                self.running.lock().push(nats);
            }
            stores.try_into().unwrap()
        }

        fn ttl(&self) -> Duration {
            Duration::from_secs(4)
        }

        fn notice(&self) -> Duration {
            TIMING().lease / 5 + TIMING().call
        }

        fn positions(&self) -> Duration {
            TIMING().positions
        }

        fn lease(&self) -> Duration {
            TIMING().lease
        }
    }

    tests_of_store!(tokio::test, Real::new(), shared);
}
