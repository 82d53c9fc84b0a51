//! Against real servers.

use super::Claimed;
use crate::{
    backbone::{
        Backbone, Message, Outcome, contract_tests as contract,
        nats::{self, Nats},
    },
    config::{Config, Keeper, RedisUrl, Servers},
    dedup::Place,
    nats_server::NatsServer,
    redis::{self, Attempt, Lost, Redis, Verdict},
    redis_server::RedisServer,
};
use futures_util::{FutureExt, future::join_all};
use hub::topic::Name;
use parking_lot::Mutex;
use protocol::MessageId;
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

/// Long enough that a lease does not end in a test by itself.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

/// Within this, everything is as before.
const SOON: Duration = Duration::from_secs(5);

/// A gateway's backbone, its parts and its servers.
struct Gateway {
    backbone: Claimed,
    redis: Redis,
    _nats: Arc<Nats>,
}

fn config(nats: &NatsServer, redis: &RedisServer, shards: usize) -> Config {
    let mut config = Config::default();
    config.backbone.url = Servers::parse(&nats.url()).unwrap();
    config.backbone.shards = shards;
    config.backbone.publish_timeout = PUBLISH_TIMEOUT;
    config.dedup.kind = Keeper::Redis;
    config.redis.url = RedisUrl::parse(&redis.url()).unwrap();
    config
}

async fn start(config: &Config) -> Gateway {
    let nats = Arc::new(Nats::new(nats::Settings::new(config)));
    let redis = Redis::new(redis::Settings::new(config).unwrap().unwrap());
    redis.start().await.unwrap();
    nats.start().await.unwrap();
    Gateway { backbone: Claimed::new(nats.clone(), redis.claims()), redis, _nats: nats }
}

struct Real {
    nats: NatsServer,
    redis: RedisServer,
    shards: usize,
    running: Mutex<Vec<Redis>>,
}

impl Real {
    fn new(shards: usize) -> Self {
        let (nats, redis) = (NatsServer::start(), RedisServer::start());
        Self { nats, redis, shards, running: Mutex::default() }
    }
}

impl contract::Subject for Real {
    async fn backbones(&self) -> [Arc<dyn Backbone>; 2] {
        let mut started = Vec::<Arc<dyn Backbone>>::new();
        for _ in 0..2 {
            let gateway = start(&config(&self.nats, &self.redis, self.shards)).await;
            started.push(Arc::new(gateway.backbone));
            self.running.lock().push(gateway.redis);
        }
        started.try_into().unwrap()
    }

    fn patience(&self) -> Duration {
        PUBLISH_TIMEOUT
    }

    fn notice(&self) -> Duration {
        Duration::from_secs(12)
    }
}

mod of_every_backbone_with_one_stream {
    use super::{Real, contract};

    contract::tests_of_backbone!(tokio::test, Real::new(1));
}

mod of_every_backbone_with_three_streams {
    use super::{Real, contract};

    contract::tests_of_backbone!(tokio::test, Real::new(3));
}

/// In three shards, these topics are in three streams.
const TOPICS: [&str; 3] = ["a", "b", "d"];

fn message(topic: &'static str, id: usize) -> Message {
    Message {
        topic: Name::new(topic).unwrap(),
        user: "u".into(),
        message_id: MessageId::new(format!("m{id}")).unwrap(),
        data: RawValue::from_string(id.to_string()).unwrap(),
    }
}

/// As a sequencer does.
async fn publish(gateway: &Gateway, message: Message) -> Outcome {
    let outcome = gateway.backbone.publish(message);
    timeout(PUBLISH_TIMEOUT, outcome).await.unwrap_or(Outcome::Unknown)
}

/// Again and again, until it is known where the message is.
async fn place(gateway: &Gateway, message: Message) -> Place {
    let begin = Instant::now();
    loop {
        match publish(gateway, message.clone()).await {
            Outcome::Stored(seq_no) => return Place { topic: Arc::new(message.topic), seq_no },
            Outcome::Duplicate(place) => return place,
            outcome => assert!(begin.elapsed() < SOON, "{outcome:?}"),
        }
        // As a client does that repeats itself.
        sleep(Duration::from_millis(20)).await;
    }
}

async fn claim(gateway: &Gateway, attempt: &Attempt) -> Result<Verdict, Lost> {
    let (reply, answer) = oneshot::channel();
    gateway.redis.claims().claim(attempt, Box::new(reply));
    timeout(SOON, answer).await.unwrap().unwrap()
}

/// Messages that the log of a topic has.
async fn count(gateway: &Gateway, topic: &'static str) -> usize {
    use crate::backbone::ReadBudget;
    let topic = Name::new(topic).unwrap();
    let head = gateway.backbone.head(&topic).await.unwrap();
    let budget = ReadBudget { messages: 1_000, bytes: 1 << 20 };
    gateway.backbone.read(&topic, &head.epoch, 0, budget).await.unwrap().records.len()
}

#[tokio::test]
async fn of_two_at_once_to_different_streams_exactly_one_is_stored() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let config = config(&nats, &redis, 3);
    let gateways = [start(&config).await, start(&config).await];
    const ROUNDS: usize = 50;
    let mut stored = 0;
    for id in 0..ROUNDS {
        let publishes = TOPICS.iter().enumerate();
        let publishes = publishes.map(|(at, topic)| publish(&gateways[at % 2], message(topic, id)));
        let outcomes = join_all(publishes).await;
        let first: Vec<_> = outcomes
            .iter()
            .zip(TOPICS)
            .filter_map(|(outcome, topic)| match outcome {
                Outcome::Stored(seq_no) => {
                    Some(Place { topic: Arc::new(Name::new(topic).unwrap()), seq_no: *seq_no })
                }
                _ => None,
            })
            .collect();
        assert_eq!(first.len(), 1, "{outcomes:?}");
        let repeats =
            outcomes.iter().filter(|outcome| **outcome == Outcome::Duplicate(first[0].clone()));
        assert_eq!(repeats.count(), 2, "{outcomes:?}");
        stored += 1;
    }
    let mut found = 0;
    for topic in TOPICS {
        found += count(&gateways[0], topic).await;
    }
    assert_eq!(found, stored);
}

#[tokio::test]
async fn of_two_at_once_to_one_topic_exactly_one_is_stored() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let config = config(&nats, &redis, 3);
    let [a, b] = [start(&config).await, start(&config).await];
    for id in 0..50 {
        let both = [publish(&a, message("a", id)), publish(&b, message("a", id))];
        let outcomes = join_all(both).await;
        let stored = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stored(_)));
        let repeats = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Duplicate(_)));
        assert_eq!((stored.count(), repeats.count()), (1, 1), "{outcomes:?}");
    }
    assert_eq!(count(&a, "a").await, 50);
}

#[tokio::test]
async fn a_gateway_that_dies_behind_its_claim_leaves_no_duplicate_of_nothing() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let config = config(&nats, &redis, 3);
    let [dead, other] = [start(&config).await, start(&config).await];
    for id in 0..2 {
        let left = message("a", id);
        let attempt = dead.redis.claims().attempt(&left.key(), left.topic.clone());
        assert_eq!(claim(&dead, &attempt).await, Ok(Verdict::Go));
    }
    drop(dead);
    let begin = Instant::now();
    assert!(matches!(publish(&other, message("a", 0)).await, Outcome::Stored(_)));
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "a repeat to the same topic waits for nothing"
    );
    let elsewhere = timeout(Duration::from_secs(1), other.backbone.publish(message("b", 1)));
    assert!(elsewhere.await.is_err(), "one to another topic waits for the lease");
    assert_eq!(redis.ask("DEL micro-socket:c:1:um1"), ":1\r\n", "as if its time were over");
    assert!(matches!(publish(&other, message("b", 1)).await, Outcome::Stored(_)));
    assert_eq!((count(&other, "a").await, count(&other, "b").await), (1, 1));
}

#[tokio::test]
async fn a_publish_that_waits_for_a_lease_goes_on_as_soon_as_its_holder_has_failed_or_succeeded() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let config = config(&nats, &redis, 3);
    let [holder, other] = [start(&config).await, start(&config).await];
    let claims = holder.redis.claims();
    let waiting = async |id: usize| {
        let held = message("a", id);
        let attempt = claims.attempt(&held.key(), held.topic.clone());
        assert_eq!(claim(&holder, &attempt).await, Ok(Verdict::Go));
        let waiting = tokio::spawn(other.backbone.publish(message("b", id)));
        // It waits; nothing tells that it does.
        sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        (attempt, waiting)
    };
    let (attempt, publish) = waiting(0).await;
    claims.release(attempt);
    let outcome = timeout(SOON, publish).await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?}");
    let (attempt, publish) = waiting(1).await;
    let stored = Place { topic: Arc::new(Name::new("a").unwrap()), seq_no: 7 };
    claims.commit(attempt, stored.clone()).await.unwrap();
    let outcome = timeout(SOON, publish).await.unwrap().unwrap();
    assert_eq!(outcome, Outcome::Duplicate(stored));
}

#[tokio::test]
async fn a_known_failure_frees_the_message_id() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let gateway = start(&config(&nats, &redis, 3)).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    let shard = |topic| nats::shard_of(&Name::new(topic).unwrap(), 3);
    let delete = format!("$JS.API.STREAM.DELETE.micro-socket-{}", shard("a"));
    client.request(delete, "".into()).await.unwrap();
    assert_eq!(publish(&gateway, message("a", 0)).await, Outcome::Refused);
    // The release is behind the refusal in the line.
    assert!(matches!(publish(&gateway, message("b", 0)).await, Outcome::Stored(_)));
}

#[tokio::test]
async fn without_redis_nothing_is_acknowledged_and_afterwards_everything_goes_on() {
    let (nats, mut redis) = (NatsServer::start(), RedisServer::start_with_file());
    let gateway = start(&config(&nats, &redis, 3)).await;
    let first = place(&gateway, message("a", 0)).await;
    redis.kill();
    for (topic, id) in [("a", 0), ("b", 1)] {
        let outcome = publish(&gateway, message(topic, id)).await;
        assert!(matches!(outcome, Outcome::Refused | Outcome::Unknown), "{outcome:?}");
    }
    redis.begin();
    assert_eq!(place(&gateway, message("b", 0)).await, first, "what was noted is still there");
    place(&gateway, message("b", 1)).await;
    assert_eq!((count(&gateway, "a").await, count(&gateway, "b").await), (1, 1));
}

#[tokio::test]
async fn a_message_that_is_stored_and_not_noted_is_not_acknowledged_and_its_repeat_is_known() {
    let (nats, mut redis) = (NatsServer::start(), RedisServer::start_with_file());
    let gateway = start(&config(&nats, &redis, 3)).await;
    nats.signal("STOP");
    let publishing = tokio::spawn(gateway.backbone.publish(message("a", 0)));
    let key = "micro-socket:c:1:um0";
    while !redis.ask(&format!("GET {key}")).contains(":a") {
        // Nothing tells when the claim is made.
        sleep(Duration::from_millis(5)).await;
    }
    redis.kill();
    nats.signal("CONT");
    // Long enough to be stored; there is no server that would note it.
    // Otherwise it has this outcome later, by its time limit.
    if let Ok(outcome) = timeout(Duration::from_millis(500), publishing).await {
        assert_eq!(outcome.unwrap(), Outcome::Unknown);
    }
    redis.begin();
    let elsewhere = timeout(Duration::from_secs(1), gateway.backbone.publish(message("b", 0)));
    assert!(elsewhere.await.is_err(), "the lease is still there");
    let outcome = publish(&gateway, message("a", 0)).await;
    let Outcome::Duplicate(first) = outcome else { panic!("{outcome:?}") };
    assert_eq!(publish(&gateway, message("b", 0)).await, Outcome::Duplicate(first));
    assert_eq!((count(&gateway, "a").await, count(&gateway, "b").await), (1, 0));
}

#[tokio::test]
async fn a_redis_that_was_started_empty_leaves_repeats_of_a_topic_to_the_log() {
    let (nats, mut redis) = (NatsServer::start(), RedisServer::start());
    let gateway = start(&config(&nats, &redis, 3)).await;
    let first = place(&gateway, message("a", 0)).await;
    redis.kill();
    redis.begin();
    assert_eq!(place(&gateway, message("a", 0)).await, first);
    assert_eq!(place(&gateway, message("b", 0)).await, first, "it is noted again");
    assert_eq!(count(&gateway, "a").await, 1);
}

#[tokio::test]
async fn more_publishes_than_may_be_under_way_are_refused_at_once() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let gateway = start(&config(&nats, &redis, 1)).await;
    redis.signal("STOP");
    let publishes: Vec<_> =
        (0..super::WINDOW).map(|id| gateway.backbone.publish(message("a", id))).collect();
    let one_more = || gateway.backbone.publish(message("a", super::WINDOW));
    assert_eq!(one_more().now_or_never(), Some(Outcome::Refused));
    drop(publishes);
    redis.signal("CONT");
    let begin = Instant::now();
    while !matches!(one_more().await, Outcome::Stored(_)) {
        assert!(begin.elapsed() < SOON);
        // As a client does that repeats itself.
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(&gateway, "a").await, 1, "what nothing waits for any more is not published");
}
