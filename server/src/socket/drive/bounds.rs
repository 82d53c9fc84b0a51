//! One client's bounds, on virtual time: how long a message may take, how fast frames are read, and
//! that time in which the gateway does not read is not the client's.

use crate::{
    auth::{Authenticator, Demo, Identity, Refused},
    config::Config,
    gateway::Gateway,
    masked::masked,
    socket::pipe,
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    task::yield_now,
    time::{Instant, advance, sleep},
};

const SETUP: &str = r#"{"type":"setup","token":"u"}"#;
const PING: u8 = 0x89;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, [1, 2, 3, 4])
}

fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

/// What the gateway has written: opcode, payload, and when.
type Seen = (u8, Vec<u8>, Instant);

struct Client {
    pipe: pipe::Client,
    unread: Vec<u8>,
}

impl Client {
    fn connect(gateway: &Arc<Gateway>) -> Self {
        Self { pipe: pipe::Client::connect(gateway, 1 << 30, None), unread: Vec::new() }
    }

    fn send(&self, bytes: &[u8]) {
        self.pipe.send(bytes);
    }

    /// Short and middle frames that have come.
    fn take(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some((at, bytes)) = self.pipe.take(usize::MAX) {
            self.unread.extend(bytes);
            let mut rest = &self.unread[..];
            while let [first, len, ..] = *rest {
                let (header, len) = if len == 126 {
                    (4, usize::from(rest[2]) << 8 | usize::from(rest[3]))
                } else {
                    (2, len.into())
                };
                seen.push((first & 15, rest[header..header + len].to_vec(), at));
                rest = &rest[header + len..];
            }
            self.unread = rest.to_vec();
        }
        seen
    }

    /// Waits for `count` frames.
    async fn frames(&mut self, count: usize) -> Vec<Seen> {
        let (began, mut seen) = (Instant::now(), self.take());
        while seen.len() < count {
            assert!(
                !self.pipe.is_at_end() && began.elapsed() < seconds(300),
                "no more than {seen:?}"
            );
            // On virtual time: it lets everything happen that is due.
            sleep(Duration::from_millis(1)).await;
            seen.extend(self.take());
        }
        assert_eq!(seen.len(), count, "{seen:?}");
        seen
    }

    async fn set_up(&mut self) {
        self.send(&text(SETUP));
        let ready = self.frames(1).await.remove(0);
        assert!(String::from_utf8(ready.1).unwrap().contains("ready"));
    }

    async fn is_alive(&mut self) {
        self.send(&frame(PING, b"?"));
        assert_eq!(self.frames(1).await[0].1, b"?");
    }

    /// Waits for the close frame; its code and when it was written.
    async fn closed(&mut self) -> (u16, Instant) {
        let (opcode, payload, at) = self.frames(1).await.remove(0);
        assert_eq!(opcode, 8);
        (u16::from_be_bytes([payload[0], payload[1]]), at)
    }
}

fn gateway(change: impl FnOnce(&mut Config)) -> Arc<Gateway> {
    let mut config = Config::default();
    change(&mut config);
    Arc::new(Gateway::new(config).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_message_has_its_time_from_its_first_byte_on() {
    let gateway = gateway(|_| {});
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let began = Instant::now();
    client.send(&frame(0x01, b"{")[..3]);
    sleep(seconds(10)).await;
    client.send(&[&frame(0x01, b"{")[3..], &frame(0x00, b"\"")].concat());
    for _ in 0..3 {
        sleep(seconds(5)).await;
        client.is_alive().await;
    }
    let (code, at) = client.closed().await;
    assert_eq!(
        (code, (at - began).as_secs()),
        (4408, 30),
        "neither fragments nor pings put it off"
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_message_has_a_time_of_its_own() {
    let gateway = gateway(|_| {});
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let message = text(r#"{"type":"ping"}"#);
    client.send(&message[..5]);
    sleep(seconds(25)).await;
    let began = Instant::now();
    client.send(&[&message[5..], &message[..5]].concat());
    assert_eq!(client.frames(1).await[0].1, br#"{"type":"pong"}"#);
    let (code, at) = client.closed().await;
    assert_eq!((code, (at - began).as_secs()), (4408, 30));

    let mut client = Client::connect(&gateway);
    client.set_up().await;
    for _ in 0..4 {
        client.send(&message[..5]);
        sleep(seconds(25)).await;
        client.send(&message[5..]);
        client.frames(1).await;
    }
    sleep(seconds(3600)).await;
    client.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn before_setup_what_ends_first_counts() {
    let gateway = gateway(|config| config.timeouts.message = seconds(3));
    let (began, mut client) = (Instant::now(), Client::connect(&gateway));
    client.send(&text(SETUP)[..5]);
    let (code, at) = client.closed().await;
    assert_eq!((code, (at - began).as_secs()), (4408, 3));

    let (began, mut client) = (Instant::now(), Client::connect(&gateway));
    for _ in 0..9 {
        sleep(seconds(1)).await;
        client.is_alive().await;
    }
    let (code, at) = client.closed().await;
    assert_eq!((code, (at - began).as_secs()), (4408, 10));
}

#[tokio::test(start_paused = true)]
async fn frames_above_the_rate_are_read_later_in_order_and_all() {
    let gateway = gateway(|config| config.limits.frame_rate = 100);
    let (began, mut client) = (Instant::now(), Client::connect(&gateway));
    client.set_up().await;
    let numbers: Vec<[u8; 2]> = (0..1000u16).map(u16::to_be_bytes).collect();
    client.send(&numbers.iter().flat_map(|number| frame(PING, number)).collect::<Vec<u8>>());
    let pongs = client.frames(1000).await;
    assert!(
        pongs
            .iter()
            .zip(&numbers)
            .all(|((opcode, payload, _), number)| *opcode == 10 && payload == number)
    );
    for (i, (_, _, at)) in pongs.iter().enumerate() {
        let allowed = 100.0 + 100.0 * (*at - began).as_secs_f64();
        assert!((i + 2) as f64 <= allowed + 1.0, "frame {i} after {:?}", *at - began);
    }
    let took = pongs[999].2 - began;
    assert!((seconds(9)..seconds(10)).contains(&took), "{took:?}");
    assert!(
        gateway
            .meter
            .pauses()
            .any(|(why, count)| why == "frame_rate" && (10..2000).contains(&count))
    );
}

#[tokio::test(start_paused = true)]
async fn continuation_frames_count_for_the_rate() {
    let gateway = gateway(|config| config.limits.frame_rate = 100);
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let began = Instant::now();
    let fragments: Vec<u8> =
        (0..500).flat_map(|i| frame(if i == 0 { 0x01 } else { 0x00 }, b" ")).collect();
    client.send(&[fragments, frame(0x80, br#"{"type":"ping"}"#)].concat());
    let (_, payload, at) = client.frames(1).await.remove(0);
    assert_eq!((payload, (at - began).as_secs()), (br#"{"type":"pong"}"#.to_vec(), 4));
}

#[tokio::test(start_paused = true)]
async fn a_large_frame_is_one_however_it_comes() {
    let gateway = gateway(|config| config.limits.frame_rate = 3);
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let began = Instant::now();
    let padded = text(&format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(60_000)));
    for piece in padded.chunks(1000) {
        client.send(piece);
        yield_now().await;
    }
    assert_eq!(client.frames(1).await[0].2, began);
}

#[tokio::test(start_paused = true)]
async fn time_in_which_the_client_is_not_read_is_not_its_own() {
    let gateway = gateway(|config| config.limits.frame_rate = 10);
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let ping = frame(PING, b"");
    client.send(
        &[frame(0x01, br#"{"type":"#), ping.repeat(600), frame(0x80, br#""ping"}"#)].concat(),
    );
    let seen = client.frames(601).await;
    assert_eq!(seen[600].1, br#"{"type":"pong"}"#);
    assert!(seen[600].2 - seen[0].2 > seconds(50));
}

/// Takes its time.
#[derive(Debug)]
struct Slow(Duration);

impl Authenticator for Slow {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        from: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Identity, Refused>> {
        async move {
            sleep(self.0).await;
            Demo.authenticate(token, from).await
        }
        .boxed()
    }

    fn renews(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn the_check_of_a_token_has_to_end_in_time_too() {
    let slow = |time| {
        Arc::new(Gateway::new(Config::default()).unwrap().with_authenticator(Box::new(Slow(time))))
    };
    let (began, mut client) = (Instant::now(), Client::connect(&slow(seconds(3600))));
    client.send(&text(SETUP));
    let (code, at) = client.closed().await;
    assert_eq!((code, (at - began).as_secs()), (4408, 10));

    let mut client = Client::connect(&slow(seconds(8)));
    client.set_up().await;
    sleep(seconds(3600)).await;
    client.is_alive().await;
}

/// The gateway wakes up a minute later, as if the process had been stopped. By then the client has
/// sent `bytes`, after a second.
async fn wakes_up_to(bytes: &[u8]) -> Client {
    let client = Client::connect(&gateway(|_| {}));
    yield_now().await;
    let sending = async {
        sleep(seconds(1)).await;
        client.send(bytes);
    };
    tokio::join!(sending, advance(seconds(60)));
    client
}

#[tokio::test(start_paused = true)]
async fn what_came_in_time_counts_if_the_gateway_is_late() {
    let mut client = wakes_up_to(&text(SETUP)).await;
    assert_eq!(client.frames(1).await[0].0, 1);
    client.is_alive().await;

    let pings = 64 * 1024 / 8;
    let mut client = wakes_up_to(&frame(PING, b"12").repeat(3 * pings)).await;
    let mut seen = client.frames(0).await;
    while seen.last().is_none_or(|(opcode, ..)| *opcode != 8) {
        yield_now().await;
        seen.extend(client.take());
    }
    assert!(
        (2..=pings + 1).contains(&seen.len()),
        "one more turn and no more: {} frames",
        seen.len()
    );
}

/// Counts how often another task gets its turn, as long as the test runs.
fn turns_of_others() -> Arc<AtomicUsize> {
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Relaxed);
            yield_now().await;
        }
    });
    turns
}

#[tokio::test]
async fn a_client_whose_bytes_never_end_lets_others_run() {
    let gateway = gateway(|_| {});
    let mut client = Client::connect(&gateway);
    client.set_up().await;
    let turns = turns_of_others();
    let (reads, per_read) = (20, 64 * 1024 / 8);
    client.send(&frame(PING, b"12").repeat(reads * per_read));
    let mut pongs = 0;
    while pongs < reads * per_read {
        yield_now().await;
        pongs += client.take().len();
    }
    assert!(
        turns.load(Relaxed) >= reads,
        "{} turns of others in {reads} reads",
        turns.load(Relaxed)
    );
}

#[tokio::test]
async fn many_topics_in_one_read_let_others_run() {
    const TOPICS: usize = 400;
    let gateway = gateway(|_| {});
    let names: Vec<String> = (0..TOPICS).map(|number| number.to_string()).collect();
    let mut subscriber = Client::connect(&gateway);
    subscriber.send(&text(
        &serde_json::json!({ "type": "setup", "token": "u", "topics": names }).to_string(),
    ));
    let mut publisher = Client::connect(&gateway);
    publisher.set_up().await;
    subscriber.frames(TOPICS + 1).await;
    let turns = turns_of_others();
    let publish = |topic| {
        text(&format!(
            r#"{{"type":"publish","topic":"{topic}","messageId":"{topic}","payload":0}}"#
        ))
    };
    publisher.send(&names.iter().flat_map(publish).collect::<Vec<u8>>());
    let mut acks = 0;
    while acks < TOPICS {
        yield_now().await;
        acks += publisher.take().len();
    }
    assert_eq!(subscriber.take().len(), TOPICS);
    assert!(turns.load(Relaxed) >= TOPICS / 8, "{} turns of others", turns.load(Relaxed));
}
