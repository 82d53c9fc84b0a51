//! Several gateways over one NATS server.

use crate::{
    gateway::{Gateway, Socket},
    nats_server::NatsServer,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Within this, `/readyz` follows the backbone.
const READY: Duration = Duration::from_secs(2);

fn gateway(nats: &NatsServer) -> Gateway {
    Gateway::start(&[
        ("MICRO_SOCKET_BACKBONE__KIND", "nats"),
        ("MICRO_SOCKET_BACKBONE__URL", &nats.url()),
        ("MICRO_SOCKET_BACKBONE__PUBLISH_TIMEOUT", "1s"),
    ])
}

fn fleet(nats: &NatsServer) -> [Gateway; 2] {
    [gateway(nats), gateway(nats)]
}

pub(crate) fn publish(topic: &str, id: &str) -> Value {
    json!({ "type": "publish", "topic": topic, "messageId": id, "payload": id })
}

/// Publishes until it is acknowledged; returns the number.
pub(crate) async fn published(socket: &mut Socket, topic: &str, id: &str) -> u64 {
    loop {
        let answer = socket.ask(&publish(topic, id)).await;
        if answer["type"] == "ack" {
            return answer["seqNo"].as_u64().unwrap();
        }
        assert_eq!(answer["code"], "BACKBONE_UNAVAILABLE", "{answer}");
        // As a client does that repeats itself.
        sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn becomes(gateway: &Gateway, ready: u16) {
    let deadline = Instant::now() + READY;
    loop {
        let answer = gateway.get("/readyz").await;
        if answer.status() == ready {
            let metrics = gateway.metrics().await;
            assert_eq!(metrics["micro_socket_backbone_connected"] == 1.0, ready == 200);
            return;
        }
        assert!(Instant::now() < deadline, "/readyz is not {ready} within {READY:?}");
        // Nothing tells when it changes, so ask again.
        sleep(Duration::from_millis(10)).await;
    }
}

/// What one subscriber has received of a topic, by the protocol's rules: every message continues
/// the one before it, unless a `subscribed` says otherwise.
pub(crate) struct Subscriber {
    pub(crate) socket: Socket,
    pub(crate) head: u64,
    pub(crate) epoch: Value,
    pub(crate) ids: Vec<String>,
    pub(crate) losses: usize,
}

impl Subscriber {
    pub(crate) async fn new(gateway: &Gateway, topic: &str) -> Self {
        let mut socket = gateway.connect("/ws").await;
        let answer = Self::set_up(&mut socket, json!({ "topics": [topic] })).await;
        let head = answer["seqNo"].as_u64().unwrap();
        Self { socket, head, epoch: answer["epoch"].clone(), ids: Vec::new(), losses: 0 }
    }

    /// Goes on at a gateway, behind what it has received.
    pub(crate) async fn resume(&mut self, gateway: &Gateway, topic: &str) -> Value {
        self.socket = gateway.connect("/ws").await;
        let position = json!({
            "topics": [topic], "lastSeq": { topic: self.head }, "epoch": { topic: self.epoch },
        });
        Self::set_up(&mut self.socket, position).await
    }

    pub(crate) async fn set_up(socket: &mut Socket, setup: Value) -> Value {
        let mut frame = json!({ "type": "setup", "token": "subscriber" });
        frame.as_object_mut().unwrap().extend(setup.as_object().unwrap().clone());
        socket.send(&frame.to_string()).await;
        let answer = socket.next().await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
        assert_eq!(socket.next().await["type"], "ready");
        answer
    }

    /// Reads until it has `count` messages.
    pub(crate) async fn receive(&mut self, count: usize) {
        while self.ids.len() < count {
            let frame = self.socket.next().await;
            self.take(&frame);
        }
    }

    pub(crate) fn take(&mut self, frame: &Value) {
        let seq_no = frame["seqNo"].as_u64().unwrap();
        match frame["type"].as_str().unwrap() {
            "message" => {
                let before = frame["prevSeqNo"].as_u64().unwrap_or(seq_no - 1);
                assert!(before <= self.head && seq_no > self.head, "behind {}: {frame}", self.head);
                self.ids.push(frame["messageId"].as_str().unwrap().to_owned());
            }
            "subscribed" => {
                assert_eq!(frame["recovered"], false, "{frame}");
                self.epoch = frame["epoch"].clone();
                self.losses += 1;
            }
            _ => panic!("{frame}"),
        }
        self.head = seq_no;
    }
}

pub(crate) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|id| format!("m{id}")).collect()
}

#[tokio::test]
async fn what_is_published_at_one_is_received_at_the_other_under_the_same_number() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut subscribers =
        [Subscriber::new(&a, "prices").await, Subscriber::new(&b, "prices").await];
    let mut publishers = [a.user("u", &[]).await, b.user("u", &[]).await];
    let mut numbers = Vec::new();
    for (i, id) in ids(20).iter().enumerate() {
        numbers.push(published(&mut publishers[i % 2], "prices", id).await);
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    for subscriber in &mut subscribers {
        subscriber.receive(20).await;
        assert_eq!((&subscriber.ids, subscriber.losses), (&ids(20), 0));
        assert_eq!(subscriber.head, numbers[19]);
    }
    let metrics = b.metrics().await;
    assert_eq!(metrics["micro_socket_backbone_attached_topics"], 1.0);
    assert_eq!(metrics["micro_socket_backbone_publish_seconds_count"], 10.0);
    assert_eq!(metrics["micro_socket_backbone_reconnects_total"], 0.0);
}

#[tokio::test]
async fn a_repeat_at_the_other_gateway_is_a_duplicate() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let first = a.user("u", &[]).await.ask(&publish("prices", "one")).await;
    assert_eq!(first["status"], "ok");
    let repeat = b.user("u", &[]).await.ask(&publish("prices", "one")).await;
    assert_eq!(
        (&repeat["status"], &repeat["seqNo"], &repeat["topic"]),
        (&json!("duplicate"), &first["seqNo"], &first["topic"])
    );
    let elsewhere = b.user("u", &[]).await.ask(&publish("others", "one")).await;
    assert_eq!(
        (&elsewhere["status"], &elsewhere["topic"]),
        (&json!("duplicate"), &json!("prices")),
        "the place of the first"
    );
    let other_user = b.user("v", &[]).await.ask(&publish("prices", "one")).await;
    assert_eq!(other_user["status"], "ok");
}

#[tokio::test]
async fn a_client_goes_on_at_the_other_gateway_and_misses_nothing() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
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
async fn a_session_goes_on_at_the_other_gateway_also_if_its_own_was_killed() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut publisher = b.user("publisher", &[]).await;
    let mut first = a.connect("/ws").await;
    let setup = json!({ "type": "setup", "token": "reader", "topics": ["prices"] });
    first.send(&setup.to_string()).await;
    assert_eq!(first.next().await["type"], "subscribed");
    let id = first.next().await["sessionId"].as_str().unwrap().to_owned();
    let seen = published(&mut publisher, "prices", "m0").await;
    let message = first.next().await;
    assert_eq!((&message["messageId"], &message["seqNo"]), (&json!("m0"), &json!(seen)));
    let receipt = json!({ "type": "ack", "topic": "prices", "seqNo": seen });
    first.send(&receipt.to_string()).await;
    first.ask(&json!({ "type": "ping" })).await;
    // Positions are written within a second; nothing tells when.
    sleep(Duration::from_secs(2)).await;

    // Taken over while the first connection is open.
    let resume = json!({ "type": "setup", "token": "reader", "sessionId": id }).to_string();
    let mut second = b.connect("/ws").await;
    second.send(&resume).await;
    let answer = second.next().await;
    assert_eq!((&answer["topic"], &answer["recovered"]), (&json!("prices"), &json!(true)));
    assert_eq!(answer["after"], seen, "behind what was confirmed");
    assert_eq!(second.next().await["resumed"], true);
    let overtaken = timeout(Duration::from_secs(10), first.closed()).await.unwrap();
    assert_eq!(overtaken.0, Some(4409));

    // Its gateway goes without a word.
    drop(publisher);
    drop(b);
    let mut publisher = a.user("publisher", &[]).await;
    let missed = published(&mut publisher, "prices", "m1").await;
    let mut third = a.connect("/ws").await;
    third.send(&resume).await;
    let answer = third.next().await;
    assert_eq!((&answer["recovered"], &answer["after"]), (&json!(true), &json!(seen)));
    assert_eq!(third.next().await["resumed"], true);
    assert_eq!(third.next().await["seqNo"], missed);
}

#[tokio::test]
async fn messages_that_come_while_the_first_is_looked_up_are_no_loss() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut publisher = a.user("u", &[]).await;
    for round in 0..20 {
        let topic = format!("new.{round}");
        let mut subscriber = Subscriber::new(&b, &topic).await;
        let ids: Vec<_> = (0..30).map(|id| format!("{round}-{id}")).collect();
        let frames: Vec<_> = ids.iter().map(|id| publish(&topic, id)).collect();
        publisher.pipeline(&frames).await;
        for _ in &ids {
            assert_eq!(publisher.next().await["status"], "ok");
        }
        subscriber.receive(ids.len()).await;
        assert_eq!((subscriber.ids, subscriber.losses), (ids, 0));
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_nats_is_killed_in_traffic() {
    let mut nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut subscribers =
        [Subscriber::new(&a, "prices").await, Subscriber::new(&b, "prices").await];
    let mut publishers = [a.user("u", &[]).await, b.user("v", &[]).await];
    const EACH: usize = 200;
    let [left, right] = &mut publishers;
    let publish = async |socket: &mut Socket, name: &str| {
        let mut numbers = HashMap::new();
        for id in 0..EACH {
            let id = format!("{name}{id}");
            let seq_no = published(socket, "prices", &id).await;
            numbers.insert(id, seq_no);
            // So that the traffic lasts for as long as the faults.
            sleep(Duration::from_millis(5)).await;
        }
        numbers
    };
    let faults = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(400)).await;
            nats.restart();
        }
    };
    let (left, right, ()) = tokio::join!(publish(left, "a"), publish(right, "b"), faults);
    let numbers: HashMap<_, _> = left.into_iter().chain(right).collect();
    let [first, second] = &mut subscribers;
    for subscriber in [first, second] {
        let received = timeout(Duration::from_secs(15), subscriber.receive(2 * EACH)).await;
        assert!(received.is_ok(), "{} of {}", subscriber.ids.len(), 2 * EACH);
        assert_eq!(subscriber.losses, 0);
        assert!(subscriber.ids.is_sorted_by_key(|id| numbers[id]));
        for publisher in ["a", "b"] {
            let own: Vec<_> =
                subscriber.ids.iter().filter_map(|id| id.strip_prefix(publisher)).collect();
            let expected: Vec<_> = (0..EACH).map(|id| id.to_string()).collect();
            assert_eq!(own, expected, "each once, in the order of its publisher");
        }
    }
    assert!(a.metrics().await["micro_socket_backbone_reconnects_total"] >= 2.0);
}

#[tokio::test]
async fn a_log_that_was_lost_is_told_as_a_loss() {
    let mut nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut subscribers =
        [Subscriber::new(&a, "prices").await, Subscriber::new(&b, "prices").await];
    let mut publisher = a.user("u", &[]).await;
    published(&mut publisher, "prices", "before").await;
    for subscriber in &mut subscribers {
        subscriber.receive(1).await;
    }
    let old = subscribers[0].epoch.clone();
    nats.kill();
    becomes(&a, 503).await;
    nats.forget();
    nats.begin();
    becomes(&a, 200).await;
    for subscriber in &mut subscribers {
        let frame = subscriber.socket.next().await;
        subscriber.take(&frame);
        assert_eq!(subscriber.losses, 1);
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

#[tokio::test]
async fn a_server_that_hangs_makes_gateways_unready_and_loses_nothing() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let mut subscriber = Subscriber::new(&b, "prices").await;
    let mut publisher = a.user("u", &[]).await;
    published(&mut publisher, "prices", "m0").await;
    nats.signal("STOP");
    let begin = Instant::now();
    becomes(&a, 503).await;
    becomes(&b, 503).await;
    assert_eq!(publisher.ask(&publish("prices", "m1")).await["code"], "BACKBONE_UNAVAILABLE");
    // Three seconds in all.
    sleep(Duration::from_secs(3).saturating_sub(begin.elapsed())).await;
    nats.signal("CONT");
    becomes(&a, 200).await;
    becomes(&b, 200).await;
    published(&mut publisher, "prices", "m1").await;
    published(&mut publisher, "prices", "m2").await;
    subscriber.receive(3).await;
    assert_eq!((subscriber.ids, subscriber.losses), (ids(3), 0));
}

#[tokio::test]
async fn a_gateway_without_its_backbone_does_not_start_and_says_why() {
    let mut nats = NatsServer::start();
    let url = nats.url();
    nats.kill();
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_micro-socket"))
        .args(["--listen", "127.0.0.1:0"])
        .env_clear()
        .envs([("MICRO_SOCKET_BACKBONE__KIND", "nats"), ("MICRO_SOCKET_BACKBONE__URL", &url)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = tokio::task::spawn_blocking(|| command.wait_with_output().unwrap());
    let output = timeout(Duration::from_secs(18), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "it was announced: {output:?}");
    let reason = String::from_utf8(output.stderr).unwrap();
    let expected =
        format!("backbone.url: no NATS server can be reached: {}", &url["nats://".len()..]);
    assert!(reason.lines().any(|line| line.starts_with(&expected)), "{reason}");
}

#[tokio::test]
async fn each_gateway_tells_the_figures_of_all() {
    let nats = NatsServer::start();
    let [a, b] = fleet(&nats);
    let _clients = [
        a.user("u", &["prices", "orders"]).await,
        b.user("v", &["prices"]).await,
        b.user("w", &["prices"]).await,
    ];
    let cluster = async |gateway: &Gateway| -> Value {
        gateway.get("/stats?scope=cluster").await.json().await.unwrap()
    };
    let (of_a, of_b) = (cluster(&a).await, cluster(&b).await);
    for all in [&of_a, &of_b] {
        let sums = (&all["connections"], &all["topics"], &all["subscriptions"]);
        assert_eq!(sums, (&json!(3), &json!(3), &json!(4)), "{all}");
        let mut each: Vec<_> = all["gateways"].as_array().unwrap().iter().collect();
        each.sort_by_key(|gateway| gateway["connections"].as_u64());
        let counts = each.iter().map(|one| (&one["connections"], &one["topics"]));
        assert!(counts.eq([(&json!(1), &json!(2)), (&json!(2), &json!(1))]), "{all}");
        assert!(each.iter().all(|one| one["slo"]["deliveryP99Ms"] == 50.0));
    }
    let ids = |all: &Value| [0, 1].map(|at| all["gateways"][at]["id"].clone());
    assert_eq!(ids(&of_a), ids(&of_b), "a gateway has one name for all");
    let own: Value = a.get("/stats").await.json().await.unwrap();
    assert_eq!((&own["connections"], own.get("gateways")), (&json!(1), None));
    drop(b);
    assert_eq!(cluster(&a).await["gateways"].as_array().unwrap().len(), 1, "it was killed");
    let refused = a.get("/stats?scope=world").await;
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn a_gateway_without_a_fleet_is_its_whole_cluster() {
    let gateway = Gateway::start(&[]);
    let all: Value = gateway.get("/stats?scope=cluster").await.json().await.unwrap();
    assert_eq!((&all["connections"], all["gateways"].as_array().unwrap().len()), (&json!(0), 1));
}
