//! Against a real broker.

#[path = "../../../tests/shared/kafka_server.rs"]
mod kafka_server;
#[path = "../../../tests/shared/tcp_proxy.rs"]
mod tcp_proxy;

use super::{Kafka, Settings, StartError};
use crate::{
    backbone::{
        Backbone, Health, Message, Outcome, ReadBudget, contract_tests as contract,
        probe::{
            SOON, becomes, head, in_time, inbox, message, new_life, numbers, publish, read,
            told_records, topic,
        },
    },
    config::{Config, Servers},
    server_process::free_port,
};
use hub::topic::Name;
use kafka_server::KafkaServer;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tcp_proxy::{TcpProxy, Weather};
use tokio::time::{Instant, sleep, timeout};

/// A gateway's backbone at this broker.
async fn start(
    server: &KafkaServer,
    change: impl FnOnce(&mut Config),
) -> Result<Kafka, StartError> {
    start_with(settings(server, change)).await
}

async fn start_with(settings: Settings) -> Result<Kafka, StartError> {
    let kafka = Kafka::new(settings);
    kafka.start().await.map(|()| kafka)
}

fn settings(server: &KafkaServer, change: impl FnOnce(&mut Config)) -> Settings {
    let mut config = Config::default();
    config.backbone.url = Servers::parse(&server.address()).unwrap();
    change(&mut config);
    Settings::new(&config)
}

struct Real(KafkaServer);

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
        Duration::from_secs(5)
    }
}

mod of_every_backbone {
    use super::{KafkaServer, Real, contract};

    contract::tests_of_backbone!(tokio::test, Real(KafkaServer::start()));
}

/// Within this, the health follows the broker.
const READY: Duration = Duration::from_secs(2);

/// A broker behind a proxy.
async fn behind_proxy() -> (KafkaServer, TcpProxy) {
    let (port, advertised) = (free_port(), free_port());
    let server = KafkaServer::start_at(port, advertised);
    (server, TcpProxy::start(advertised, port).await)
}

#[tokio::test]
async fn a_connection_that_is_cut_costs_neither_a_message_nor_a_number() {
    let (server, proxy) = behind_proxy().await;
    let kafka = start(&server, |_| {}).await.unwrap();
    let (inbox, mut told) = inbox();
    let attached = kafka.attach(topic(), inbox).await.unwrap();
    let mut stored = Vec::new();
    for id in 0..30 {
        if id % 10 == 5 {
            proxy.cut();
        }
        stored.push(publish(&kafka, id).await);
    }
    assert!(stored.is_sorted_by(|a, b| a < b), "{stored:?}");
    assert_eq!(told_records(&mut told, 30).await, stored);
    let head = head(&kafka).await;
    assert_eq!((head.seq_no, &head.epoch), (stored[29], &attached.head.epoch));
    assert_eq!(numbers(&read(&kafka, &head.epoch, 0).await), stored);
}

#[tokio::test]
async fn a_slow_broker_is_reachable_and_keeps_the_order() {
    let (server, proxy) = behind_proxy().await;
    proxy.set(Weather::Delay(Duration::from_millis(200)));
    let kafka = start(&server, |_| {}).await.unwrap();
    becomes(&kafka, Health::Reachable, Duration::from_secs(3)).await;
    let (inbox, mut told) = inbox();
    let _attached = kafka.attach(topic(), inbox).await.unwrap();
    let publishes: Vec<_> = (0..20).map(|id| tokio::spawn(kafka.publish(message(id)))).collect();
    let mut stored = Vec::new();
    for publish in publishes {
        let Outcome::Stored(seq_no) = in_time(SOON, "a publish", publish).await.unwrap() else {
            panic!("not stored");
        };
        stored.push(seq_no);
    }
    assert!(stored.is_sorted_by(|a, b| a < b), "{stored:?}");
    assert_eq!(told_records(&mut told, 20).await, stored);
    assert_eq!(kafka.health(), Health::Reachable);
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_given_up() {
    let (server, proxy) = behind_proxy().await;
    let kafka = start(&server, |_| {}).await.unwrap();
    becomes(&kafka, Health::Reachable, READY).await;
    let first = publish(&kafka, 0).await;
    let epoch = head(&kafka).await.epoch;
    proxy.set(Weather::Swallow);
    let lost = tokio::spawn(kafka.publish(message(1)));
    becomes(&kafka, Health::Unreachable, READY).await;
    assert!(
        timeout(Duration::from_millis(300), kafka.head(&topic())).await.is_err(),
        "a claim without a proof"
    );
    // The old connections stay broken.
    proxy.set(Weather::Delay(Duration::ZERO));
    becomes(&kafka, Health::Reachable, Duration::from_secs(9)).await;
    let outcome = in_time(SOON, "the lost publish", lost).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown | Outcome::Stored(_)), "{outcome:?}");
    let second = publish(&kafka, 1).await;
    assert_eq!(numbers(&read(&kafka, &epoch, 0).await), [first, second]);
}

#[tokio::test]
async fn a_broker_that_hangs_is_noticed_and_nothing_is_stored_twice() {
    let server = KafkaServer::start();
    let kafka = start(&server, |_| {}).await.unwrap();
    becomes(&kafka, Health::Reachable, READY).await;
    server.signal("STOP");
    let hanging = tokio::spawn(kafka.publish(message(0)));
    becomes(&kafka, Health::Unreachable, READY).await;
    let begin = Instant::now();
    assert!(
        timeout(Duration::from_millis(300), kafka.head(&topic())).await.is_err(),
        "a claim without a proof"
    );
    sleep(Duration::from_secs(2).saturating_sub(begin.elapsed())).await;
    server.signal("CONT");
    becomes(&kafka, Health::Reachable, READY).await;
    let stored = publish(&kafka, 0).await;
    let outcome = in_time(SOON, "the hanging publish", hanging).await.unwrap();
    assert_eq!(outcome, Outcome::Stored(stored));
    let epoch = head(&kafka).await.epoch;
    assert_eq!(numbers(&read(&kafka, &epoch, 0).await), [stored]);
}

#[tokio::test]
async fn a_broker_that_lost_its_log_begins_a_new_life_at_every_gateway() {
    let mut server = KafkaServer::start();
    let a = start(&server, |_| {}).await.unwrap();
    let b = start(&server, |_| {}).await.unwrap();
    let (inboxes, mut told): (Vec<_>, Vec<_>) = [inbox(), inbox()].into_iter().unzip();
    let attached = a.attach(topic(), inboxes[0].clone()).await.unwrap();
    let _other = b.attach(topic(), inboxes[1].clone()).await.unwrap();
    let before = publish(&a, 0).await;
    for told in &mut told {
        assert_eq!(told_records(told, 1).await, [before]);
    }
    let mut lives = vec![attached.head.epoch.clone()];
    for _ in 0..2 {
        server.kill();
        becomes(&a, Health::Unreachable, READY).await;
        becomes(&b, Health::Unreachable, READY).await;
        server.begin();
        becomes(&a, Health::Reachable, READY).await;
        becomes(&b, Health::Reachable, READY).await;
        let old = lives.last().unwrap().clone();
        for told in &mut told {
            new_life(told, &old).await;
        }
        // The second gateway may have begun one more, as the first had done nothing yet.
        let stored = publish(&a, 0).await;
        let present = head(&a).await;
        assert!(!lives.contains(&present.epoch), "a former life");
        assert_eq!((head(&b).await.epoch, present.seq_no), (present.epoch.clone(), stored));
        assert_eq!(numbers(&read(&b, &present.epoch, 0).await), [stored]);
        lives.push(present.epoch);
    }
    // A gateway that starts later finds the same one.
    let late = start(&server, |_| {}).await.unwrap();
    assert_eq!(head(&late).await.epoch, *lives.last().unwrap());
}

#[tokio::test]
async fn a_gateway_that_starts_later_knows_repeats_and_reads_what_lies_before_its_start() {
    let server = KafkaServer::start();
    // A window that has passed when the second gateway starts.
    let window = Duration::from_secs(4);
    let settings = settings(&server, |config| config.dedup.window = window);
    let settings = Settings { clocks: Duration::ZERO, ..settings };
    let a = start_with(settings.clone()).await.unwrap();
    let mut stored = vec![publish(&a, 0).await, publish(&a, 1).await];
    let repeat = a.publish(message(0)).await;
    assert!(matches!(repeat, Outcome::Duplicate(place) if place.seq_no == stored[0]));
    // More than a reader reads in any case.
    for id in 0..100 {
        let other = Message { topic: Name::new("other").unwrap(), ..message(1_000 + id) };
        assert!(matches!(a.publish(other).await, Outcome::Stored(_)));
    }
    // The late reader begins behind all this.
    sleep(window + Duration::from_millis(500)).await;
    stored.push(publish(&a, 0).await);
    assert!(stored[2] > stored[1], "stored again after the window: {stored:?}");
    let b = start_with(settings).await.unwrap();
    let repeat = b.publish(message(0)).await;
    assert!(matches!(repeat, Outcome::Duplicate(place) if place.seq_no == stored[2]));
    let epoch = head(&b).await.epoch;
    for after in [0, stored[0], stored[1]] {
        let expected: Vec<_> = stored.iter().copied().filter(|number| *number > after).collect();
        let part = read(&b, &epoch, after).await;
        assert_eq!((part.after, numbers(&part)), (after, expected), "behind {after}");
    }
    let quiet = Name::new("other").unwrap();
    let head = in_time(SOON, "a head", b.head(&quiet)).await.unwrap();
    assert!(head.seq_no > 100 && head.message_id.is_none(), "{head:?}");
    let budget = ReadBudget { messages: 1_000, bytes: 1 << 20 };
    let part = in_time(SOON, "a part", b.read(&quiet, &epoch, 0, budget)).await.unwrap();
    assert_eq!(part.records.len(), 100);
    assert!(part.up_to >= head.seq_no, "nothing lies above: {part:?}");
}

#[tokio::test]
async fn one_scan_serves_all_topics_that_wait() {
    let server = KafkaServer::start();
    let [a, b] = [start(&server, |_| {}).await.unwrap(), start(&server, |_| {}).await.unwrap()];
    let topics: Vec<_> = (0..50).map(|i| Name::new(format!("t{i}")).unwrap()).collect();
    for round in 0..4 {
        let publishes = topics.iter().zip(1_000 * round..).map(|(topic, id)| {
            tokio::spawn(a.publish(Message { topic: topic.clone(), ..message(id) }))
        });
        for publish in publishes.collect::<Vec<_>>() {
            assert!(matches!(publish.await.unwrap(), Outcome::Stored(_)));
        }
    }
    let epoch = head(&b).await.epoch;
    let budget = ReadBudget { messages: 100, bytes: 1 << 20 };
    let reads: Vec<_> =
        topics.iter().map(|topic| tokio::spawn(b.read(topic, &epoch, 0, budget))).collect();
    for read in reads {
        let part = in_time(SOON, "a part", read).await.unwrap().unwrap();
        assert_eq!((part.after, part.records.len()), (0, 4));
    }
    assert!(b.fleet.scans.load(Relaxed) <= 10, "a scan for each topic");
}

#[tokio::test]
async fn a_topic_with_another_number_of_partitions_is_refused_with_both_numbers() {
    let server = KafkaServer::start();
    drop(start(&server, |config| config.backbone.shards = 3).await.unwrap());
    let refused = start(&server, |_| {}).await.unwrap_err().to_string();
    assert!(
        refused
            .starts_with("backbone.shards: found 1; the Kafka topic micro-socket has 3 partitions"),
        "{refused}"
    );
}

#[tokio::test]
async fn topics_are_spread_over_partitions_and_each_has_one_order() {
    let server = KafkaServer::start();
    let three = |config: &mut Config| config.backbone.shards = 3;
    let [a, b] = [start(&server, three).await.unwrap(), start(&server, three).await.unwrap()];
    let topics: Vec<_> = (0..12).map(|i| Name::new(format!("t{i}")).unwrap()).collect();
    let mut partitions = std::collections::BTreeSet::new();
    for (i, topic) in topics.iter().enumerate() {
        partitions.insert(a.fleet.partition_of(topic).index);
        let Outcome::Stored(seq_no) =
            a.publish(Message { topic: topic.clone(), ..message(i) }).await
        else {
            panic!("not stored")
        };
        let head = in_time(SOON, "a head", b.head(topic)).await.unwrap();
        assert_eq!(head.seq_no, seq_no);
        let budget = ReadBudget { messages: 10, bytes: 1 << 20 };
        let part = in_time(SOON, "a part", b.read(topic, &head.epoch, 0, budget)).await.unwrap();
        assert_eq!(numbers(&part), [seq_no]);
    }
    assert_eq!(partitions.len(), 3);
}

#[tokio::test]
async fn without_a_broker_a_start_says_so() {
    let mut server = KafkaServer::start();
    server.kill();
    let error = in_time(Duration::from_secs(16), "the start", start(&server, |_| {})).await;
    let text = error.unwrap_err().to_string();
    let expected = format!("backbone.url: no Kafka broker answers at {}: ", server.address());
    assert!(text.starts_with(&expected), "{text}");
}
