//! Gateways that keep message ids and sessions in a Redis server.

use crate::{
    gateway::{Gateway, Socket},
    nats_server::NatsServer,
    redis_server::RedisServer,
};
use serde_json::{Value, json};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Within this, `/readyz` follows the server.
const READY: Duration = Duration::from_secs(2);

fn gateway(nats: &NatsServer, redis: &RedisServer) -> Gateway {
    Gateway::start(&[
        ("MICRO_SOCKET_BACKBONE__KIND", "nats"),
        ("MICRO_SOCKET_BACKBONE__URL", &nats.url()),
        ("MICRO_SOCKET_BACKBONE__SHARDS", "3"),
        ("MICRO_SOCKET_BACKBONE__PUBLISH_TIMEOUT", "1s"),
        ("MICRO_SOCKET_DEDUP__KIND", "redis"),
        ("MICRO_SOCKET_SESSION__KIND", "redis"),
        ("MICRO_SOCKET_REDIS__URL", &redis.url()),
    ])
}

fn fleet(nats: &NatsServer, redis: &RedisServer) -> [Gateway; 2] {
    [gateway(nats, redis), gateway(nats, redis)]
}

/// With three shards, each is in another stream.
pub(crate) const TOPICS: [&str; 3] = ["a", "b", "d"];

fn publish(topic: &str, id: &str) -> Value {
    json!({ "type": "publish", "topic": topic, "messageId": id, "payload": id })
}

/// Publishes until it is acknowledged.
pub(crate) async fn published(socket: &mut Socket, topic: &str, id: &str) -> Value {
    loop {
        let answer = socket.ask(&publish(topic, id)).await;
        if answer["type"] == "ack" {
            return answer;
        }
        assert_eq!(answer["code"], "BACKBONE_UNAVAILABLE", "{answer}");
        // As a client does that repeats itself.
        sleep(Duration::from_millis(50)).await;
    }
}

/// Sets up with a session; gives the answers up to `ready`, which is the last one.
pub(crate) async fn set_up(socket: &mut Socket, setup: Value) -> Vec<Value> {
    let mut frame = json!({ "type": "setup", "token": "reader" });
    frame.as_object_mut().unwrap().extend(setup.as_object().unwrap().clone());
    socket.send(&frame.to_string()).await;
    let mut answers = Vec::new();
    while answers.last().is_none_or(|answer: &Value| answer["type"] != "ready") {
        answers.push(socket.next().await);
    }
    answers
}

async fn becomes(gateway: &Gateway, ready: u16) {
    let deadline = Instant::now() + READY;
    loop {
        if gateway.get("/readyz").await.status() == ready {
            let metrics = gateway.metrics().await;
            assert_eq!(metrics["micro_socket_redis_connected"] == 1.0, ready == 200);
            return;
        }
        assert!(Instant::now() < deadline, "/readyz is not {ready} within {READY:?}");
        // Nothing tells when it changes, so ask again.
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_through_every_gateway_to_every_stream() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let [a, b] = fleet(&nats, &redis);
    let mut subscriber = b.user("reader", &TOPICS).await;
    let mut publishers = [a.user("u", &[]).await, b.user("u", &[]).await];
    for first in TOPICS {
        let id = format!("to-{first}");
        let stored = published(&mut publishers[0], first, &id).await;
        assert_eq!(stored["status"], "ok");
        for topic in TOPICS {
            let repeat = published(&mut publishers[1], topic, &id).await;
            assert_eq!(
                (&repeat["status"], &repeat["topic"], &repeat["seqNo"]),
                (&json!("duplicate"), &json!(first), &stored["seqNo"])
            );
        }
        let message = subscriber.next().await;
        assert_eq!((&message["topic"], &message["seqNo"]), (&json!(first), &stored["seqNo"]));
    }
    let other_user = published(&mut b.user("v", &[]).await, "a", "to-a").await;
    assert_eq!(other_user["status"], "ok");
    assert_eq!(subscriber.next().await["seqNo"], other_user["seqNo"], "and nothing before it");
    let metrics = b.metrics().await;
    assert!(metrics["micro_socket_redis_call_seconds_count"] >= 8.0);
    assert_eq!(metrics["micro_socket_redis_refused_calls_total"], 0.0);
    assert_eq!(metrics["micro_socket_redis_reconnects_total"], 0.0);
}

#[tokio::test]
async fn pipelined_publishes_keep_their_order_in_every_topic() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let [a, b] = fleet(&nats, &redis);
    let mut subscriber = b.user("reader", &TOPICS).await;
    let mut publisher = a.user("u", &[]).await;
    const EACH: usize = 300;
    let ids = || (0..EACH).flat_map(|id| TOPICS.map(|topic| (topic, format!("{topic}{id}"))));
    let frames: Vec<_> = ids().map(|(topic, id)| publish(topic, &id)).collect();
    publisher.pipeline(&frames).await;
    for (_, id) in ids() {
        let answer = publisher.next().await;
        assert_eq!((&answer["status"], &answer["messageId"]), (&json!("ok"), &json!(id)));
    }
    let mut next = std::collections::HashMap::new();
    for _ in 0..frames.len() {
        let message = subscriber.next().await;
        let topic = message["topic"].as_str().unwrap().to_owned();
        let at: &mut usize = next.entry(topic.clone()).or_default();
        assert_eq!(message["messageId"], format!("{topic}{at}"));
        *at += 1;
    }
}

#[tokio::test]
async fn a_session_goes_on_at_the_other_gateway_also_if_its_own_was_killed() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let [a, b] = fleet(&nats, &redis);
    let mut first = a.connect("/ws").await;
    let answers = set_up(&mut first, json!({ "topics": ["a", "b"] })).await;
    let id = answers[2]["sessionId"].clone();
    // A session is written at once; nothing tells when.
    sleep(Duration::from_millis(500)).await;
    let mut second = b.connect("/ws").await;
    let answers = set_up(&mut second, json!({ "sessionId": id })).await;
    assert_eq!((answers.len(), &answers[2]["resumed"]), (3, &json!(true)));
    assert!(answers[..2].iter().all(|answer| answer["recovered"] == true), "{answers:?}");
    let overtaken = timeout(Duration::from_secs(10), first.closed()).await.unwrap();
    assert_eq!(overtaken.0, Some(4409));
    // Its gateway goes without a word.
    drop(b);
    let missed = published(&mut a.user("u", &[]).await, "a", "m").await;
    let mut third = a.connect("/ws").await;
    let answers = set_up(&mut third, json!({ "sessionId": id })).await;
    assert_eq!((answers.len(), &answers[2]["resumed"]), (3, &json!(true)));
    assert_eq!(third.next().await["seqNo"], missed["seqNo"]);
}

#[tokio::test]
async fn a_server_that_hangs_or_is_killed_makes_gateways_unready_and_loses_nothing() {
    let (nats, mut redis) = (NatsServer::start(), RedisServer::start_with_file());
    let gateway = gateway(&nats, &redis);
    becomes(&gateway, 200).await;
    let mut subscriber = gateway.user("reader", &["a"]).await;
    let mut publisher = gateway.user("u", &[]).await;
    for (id, hangs) in [("m0", true), ("m1", false)] {
        if hangs {
            redis.signal("STOP")
        } else {
            redis.kill()
        }
        becomes(&gateway, 503).await;
        let begin = Instant::now();
        let refused = publisher.ask(&publish("a", id)).await;
        assert_eq!(refused["code"], "BACKBONE_UNAVAILABLE");
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        let mut late = gateway.connect("/ws").await;
        late.send(&json!({ "type": "setup", "token": "late" }).to_string()).await;
        assert_eq!(late.next().await["code"], "BACKBONE_UNAVAILABLE");
        if hangs {
            redis.signal("CONT")
        } else {
            redis.begin()
        }
        becomes(&gateway, 200).await;
        assert_eq!(published(&mut publisher, "a", id).await["status"], "ok");
        assert_eq!(subscriber.next().await["messageId"], id, "once");
    }
    assert_eq!(published(&mut publisher, "b", "m0").await["status"], "duplicate");
    assert!(gateway.metrics().await["micro_socket_redis_reconnects_total"] >= 1.0);
}

/// Without a backbone, the numbering ends with the process, but sessions need not.
#[tokio::test]
async fn a_single_gateway_has_its_sessions_again_after_its_restart_and_tells_the_loss() {
    let redis = RedisServer::start();
    let start = || {
        Gateway::start(&[
            ("MICRO_SOCKET_SESSION__KIND", "redis"),
            ("MICRO_SOCKET_REDIS__URL", &redis.url()),
        ])
    };
    let gateway = start();
    let mut client = gateway.connect("/ws").await;
    let answers = set_up(&mut client, json!({ "topics": ["a"] })).await;
    let (epoch, id) = (answers[0]["epoch"].clone(), answers[1]["sessionId"].clone());
    published(&mut gateway.user("u", &[]).await, "a", "before").await;
    // A session is written at once; nothing tells when.
    sleep(Duration::from_millis(500)).await;
    drop(gateway);
    let gateway = start();
    let mut client = gateway.connect("/ws").await;
    let answers = set_up(&mut client, json!({ "sessionId": id })).await;
    assert_eq!((&answers[0]["topic"], &answers[0]["recovered"]), (&json!("a"), &json!(false)));
    assert_ne!(answers[0]["epoch"], epoch);
    assert_eq!(answers[1]["resumed"], true);
    let after = published(&mut gateway.user("u", &[]).await, "a", "after").await;
    assert_eq!(client.next().await["seqNo"], after["seqNo"]);
}

#[tokio::test]
async fn a_gateway_without_its_server_does_not_start_and_shows_no_password() {
    let mut redis = RedisServer::start();
    let address = format!("127.0.0.1:{}", redis.port());
    redis.kill();
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_micro-socket"))
        .args(["--listen", "127.0.0.1:0"])
        .env_clear()
        .env("MICRO_SOCKET_SESSION__KIND", "redis")
        .env("MICRO_SOCKET_REDIS__URL", format!("redis://ann:hunter2@{address}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = tokio::task::spawn_blocking(|| command.wait_with_output().unwrap());
    let output = timeout(Duration::from_secs(18), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "it was announced: {output:?}");
    let reason = String::from_utf8(output.stderr).unwrap();
    let expected = format!("redis.url: the Redis server cannot be reached: redis://{address}");
    assert!(
        reason.lines().any(|line| line.starts_with(&expected)) && !reason.contains("hunter2"),
        "{reason}"
    );
}
