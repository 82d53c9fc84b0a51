//! Several gateways over one Kafka broker.

use crate::{
    fleet::{Subscriber, becomes, ids, publish, published},
    fleet_redis::{self, TOPICS, set_up},
    gateway::{Gateway, Socket},
    kafka_server::KafkaServer,
    redis_server::RedisServer,
};
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use tokio::time::{sleep, timeout};

fn gateway(kafka: &KafkaServer, redis: &RedisServer) -> Gateway {
    start(&kafka.address(), &redis.url(), &[])
}

/// With Redis for the sessions, of which Kafka keeps none.
fn start(kafka: &str, redis: &str, more: &[(&str, &str)]) -> Gateway {
    let settings = [
        ("MICRO_SOCKET_BACKBONE__KIND", "kafka"),
        ("MICRO_SOCKET_BACKBONE__URL", kafka),
        ("MICRO_SOCKET_BACKBONE__PUBLISH_TIMEOUT", "1s"),
        ("MICRO_SOCKET_SESSION__KIND", "redis"),
        ("MICRO_SOCKET_REDIS__URL", redis),
    ];
    Gateway::start(&[&settings, more].concat())
}

fn fleet(kafka: &KafkaServer, redis: &RedisServer) -> [Gateway; 2] {
    [gateway(kafka, redis), gateway(kafka, redis)]
}

#[tokio::test]
async fn both_gateways_deliver_the_same_and_know_each_others_repeats() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let [a, b] = fleet(&kafka, &redis);
    let mut subscribers =
        [Subscriber::new(&a, "prices").await, Subscriber::new(&b, "prices").await];
    let mut publishers = [a.user("u", &[]).await, b.user("u", &[]).await];
    let mut numbers = Vec::new();
    for (i, id) in ids(20).iter().enumerate() {
        numbers.push(published(&mut publishers[i % 2], "prices", id).await);
        // Another topic of the same partition: numbers are sparse.
        published(&mut publishers[i % 2], "others", &format!("other{i}")).await;
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    for (id, seq_no) in ids(20).iter().zip(&numbers) {
        for publisher in &mut publishers {
            let repeat = publisher.ask(&publish("prices", id)).await;
            let expected = (&json!("duplicate"), &json!(seq_no), &json!("prices"));
            assert_eq!((&repeat["status"], &repeat["seqNo"], &repeat["topic"]), expected);
        }
    }
    let other_user = b.user("v", &[]).await.ask(&publish("prices", "m0")).await;
    assert_eq!(other_user["status"], "ok");
    for subscriber in &mut subscribers {
        subscriber.receive(21).await;
        assert_eq!((&subscriber.ids[..20], subscriber.losses), (&ids(20)[..], 0));
        assert_eq!(json!(subscriber.head), other_user["seqNo"]);
    }
    let metrics = b.metrics().await;
    assert_eq!(metrics["micro_socket_backbone_attached_topics"], 1.0);
    assert_eq!(metrics["micro_socket_backbone_reconnects_total"], 0.0);
}

#[tokio::test]
async fn a_client_goes_on_at_the_other_gateway_and_misses_nothing() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let [a, b] = fleet(&kafka, &redis);
    let mut subscriber = Subscriber::new(&a, "prices").await;
    let mut publisher = a.user("u", &[]).await;
    for (i, id) in ids(30).iter().enumerate() {
        published(&mut publisher, "prices", id).await;
        // The other gateway has neither topic nor history when the client comes.
        if i % 10 == 9 {
            let answer = subscriber.resume(if i == 19 { &a } else { &b }, "prices").await;
            assert_eq!(answer["recovered"], true, "{answer}");
            subscriber.receive(i + 1).await;
        }
    }
    assert_eq!((subscriber.ids, subscriber.losses), (ids(30), 0));
    let unknown =
        json!({ "topics": ["prices"], "lastSeq": { "prices": 1 }, "epoch": { "prices": "other" } });
    let answer = Subscriber::set_up(&mut b.connect("/ws").await, unknown).await;
    assert_eq!(answer["recovered"], false);
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_a_gateway_is_killed_in_traffic() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let [a, b] = fleet(&kafka, &redis);
    let mut at_a = Subscriber::new(&a, "prices").await;
    let mut at_b = Subscriber::new(&b, "prices").await;
    let mut publisher = a.user("u", &[]).await;
    let frames: Vec<_> = ids(60).iter().map(|id| publish("prices", id)).collect();
    publisher.pipeline(&frames).await;
    // Some are on their way.
    for _ in 0..10 {
        assert_eq!(publisher.next().await["status"], "ok");
    }
    at_a.receive(5).await;
    drop(a);
    // The client repeats everything that it has no answer for.
    let mut publisher = b.user("u", &[]).await;
    let mut numbers = HashMap::new();
    for id in ids(60) {
        let seq_no = published(&mut publisher, "prices", &id).await;
        numbers.insert(id, seq_no);
    }
    let answer = at_a.resume(&b, "prices").await;
    assert_eq!(answer["recovered"], true, "{answer}");
    for subscriber in [&mut at_a, &mut at_b] {
        let received = timeout(Duration::from_secs(10), subscriber.receive(60)).await;
        assert!(received.is_ok(), "{} of 60", subscriber.ids.len());
        assert_eq!(subscriber.losses, 0);
        assert!(subscriber.ids.is_sorted_by_key(|id| numbers[id]));
        let mut each = subscriber.ids.clone();
        each.sort_unstable();
        each.dedup();
        assert_eq!(each.len(), 60, "each once");
    }
    assert_eq!(at_a.ids, at_b.ids);
}

#[tokio::test]
async fn a_broker_that_hangs_makes_gateways_unready_and_loses_nothing() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let [a, b] = fleet(&kafka, &redis);
    let mut subscriber = Subscriber::new(&b, "prices").await;
    let mut publisher = a.user("u", &[]).await;
    published(&mut publisher, "prices", "m0").await;
    kafka.signal("STOP");
    becomes(&a, 503).await;
    becomes(&b, 503).await;
    let answer = publisher.ask(&publish("prices", "m1")).await;
    assert_eq!(answer["code"], "BACKBONE_UNAVAILABLE", "{answer}");
    let text = answer["message"].as_str().unwrap();
    assert!(!text.to_ascii_lowercase().contains("kafka"), "{text}");
    kafka.signal("CONT");
    becomes(&a, 200).await;
    becomes(&b, 200).await;
    published(&mut publisher, "prices", "m1").await;
    published(&mut publisher, "prices", "m2").await;
    subscriber.receive(3).await;
    assert_eq!((subscriber.ids, subscriber.losses), (ids(3), 0));
}

#[tokio::test]
async fn a_log_that_was_lost_is_told_as_a_loss() {
    let (mut kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let [a, b] = fleet(&kafka, &redis);
    let mut subscribers =
        [Subscriber::new(&a, "prices").await, Subscriber::new(&b, "prices").await];
    let mut publisher = a.user("u", &[]).await;
    published(&mut publisher, "prices", "before").await;
    for subscriber in &mut subscribers {
        subscriber.receive(1).await;
    }
    let old = subscribers[0].epoch.clone();
    kafka.kill();
    becomes(&a, 503).await;
    kafka.begin();
    becomes(&a, 200).await;
    becomes(&b, 200).await;
    let receive = async |subscriber: &mut Subscriber| {
        let frame = subscriber.socket.next().await;
        subscriber.take(&frame);
    };
    for subscriber in &mut subscribers {
        receive(subscriber).await;
        assert!(subscriber.losses >= 1);
        assert_ne!(subscriber.epoch, old);
    }
    published(&mut publisher, "prices", "after").await;
    for subscriber in &mut subscribers {
        subscriber.receive(2).await;
        assert_eq!(subscriber.ids, ["before", "after"]);
    }
    // A position in the life that has ended.
    let mut late = Subscriber::new(&b, "prices").await;
    late.epoch = old;
    assert_eq!(late.resume(&a, "prices").await["recovered"], false);
}

/// Publishes of one connection that come while its topic's partition is read from the start.
#[tokio::test]
async fn a_gateway_that_starts_in_traffic_delivers_all_of_it() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let a = gateway(&kafka, &redis);
    let mut publisher = a.user("u", &[]).await;
    let traffic = tokio::spawn(async move {
        for id in ids(200) {
            published(&mut publisher, "prices", &id).await;
        }
    });
    // So that it begins with something in the log.
    sleep(Duration::from_millis(200)).await;
    let b = tokio::task::spawn_blocking({
        let (kafka, redis) = (kafka.address(), redis.url());
        move || start(&kafka, &redis, &[])
    });
    let b = b.await.unwrap();
    let mut socket: Socket = b.connect("/ws").await;
    let setup = json!({ "topics": ["prices"], "lastSeq": { "prices": 0 } });
    let answer = Subscriber::set_up(&mut socket, setup).await;
    assert_eq!((&answer["recovered"], &answer["after"]), (&json!(true), &json!(0)));
    let epoch = answer["epoch"].clone();
    let mut subscriber = Subscriber { socket, head: 0, epoch, ids: Vec::new(), losses: 0 };
    traffic.await.unwrap();
    let received = timeout(Duration::from_secs(10), subscriber.receive(200)).await;
    assert!(received.is_ok(), "{} of 200", subscriber.ids.len());
    assert_eq!((subscriber.ids, subscriber.losses), (ids(200), 0));
}

#[tokio::test]
async fn with_redis_a_repeat_is_known_in_every_partition_and_a_session_goes_on_anywhere() {
    let (kafka, redis) = (KafkaServer::start(), RedisServer::start());
    let more = [("MICRO_SOCKET_BACKBONE__SHARDS", "3"), ("MICRO_SOCKET_DEDUP__KIND", "redis")];
    let [a, b] = [(); 2].map(|()| start(&kafka.address(), &redis.url(), &more));
    let mut reader = a.connect("/ws").await;
    let answers = set_up(&mut reader, json!({ "topics": TOPICS })).await;
    let session = answers[TOPICS.len()]["sessionId"].clone();
    let mut publishers = [a.user("u", &[]).await, b.user("u", &[]).await];
    for first in TOPICS {
        let stored = fleet_redis::published(&mut publishers[0], first, first).await;
        for topic in TOPICS {
            let repeat = fleet_redis::published(&mut publishers[1], topic, first).await;
            let found = (&repeat["status"], &repeat["topic"], &repeat["seqNo"]);
            assert_eq!(found, (&json!("duplicate"), &json!(first), &stored["seqNo"]));
        }
        assert_eq!(reader.next().await["seqNo"], stored["seqNo"]);
    }
    // Positions are written within a second.
    sleep(Duration::from_millis(1500)).await;
    drop(reader);
    let mut reader = b.connect("/ws").await;
    let answers = set_up(&mut reader, json!({ "sessionId": session })).await;
    assert_eq!(answers[TOPICS.len()]["resumed"], true);
    assert!(
        answers[..TOPICS.len()].iter().all(|answer| answer["recovered"] == true),
        "{answers:?}"
    );
    let mut replayed = [(); TOPICS.len()].map(|()| String::new());
    for topic in &mut replayed {
        *topic = reader.next().await["topic"].as_str().unwrap().to_owned();
    }
    replayed.sort_unstable();
    assert_eq!(replayed, TOPICS, "no receipt was sent");
}
