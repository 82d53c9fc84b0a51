//! Publishers that stay. Sometimes they repeat an acknowledged message; sometimes they lose their
//! connection while publishes are unanswered: then they send those again, as a client does that
//! needs each of them exactly once.

use super::{PUBLISHERS, Scene, TOPICS};
use crate::soak::ledger::payload;
use crate::socket::{Socket, Way, publish};
use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use protocol::{Ack, AckStatus, ServerFrame, Setup};
use std::{collections::VecDeque, rc::Rc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The time between two batches.
const TICK: Duration = Duration::from_millis(20);
/// Mean number of messages per batch.
const BATCH: f64 = 4.0;
/// One of this many messages is a repeat.
const REPEATS: usize = 12;
/// In one of this many batches the connection is lost.
const LOSSES: usize = 300;
/// The number of acknowledged messages that may be repeated.
const KEPT: usize = 50;
/// Messages are repeated only for this long after they were published.
const YOUNG: Duration = Duration::from_secs(1);

/// A message that was acknowledged.
struct Stored {
    id: String,
    topic: String,
    seq_no: u64,
    /// The time of the publish, and the number of messages that had been stored.
    at: (Instant, u64),
}

/// A publish without an answer yet.
struct Open {
    id: String,
    topic: String,
    payload: String,
    /// For a repeat: the topic and number of the first publish.
    repeats: Option<(String, u64)>,
}

struct Publisher {
    scene: Rc<Scene>,
    number: u32,
    chance: Rng,
    /// Messages published to each topic.
    given: [u64; TOPICS],
    /// The last own number in each topic.
    last: [u64; TOPICS],
    count: u64,
    open: VecDeque<Open>,
    stored: VecDeque<Stored>,
    /// The open publishes were sent before, on a connection that was lost.
    is_sent_again: bool,
}

pub(super) async fn run(scene: Rc<Scene>, number: u32) {
    let chance = scene.chance();
    let mut publisher = Publisher {
        scene: scene.clone(),
        number,
        chance,
        given: [0; TOPICS],
        last: [0; TOPICS],
        count: 0,
        open: VecDeque::new(),
        stored: VecDeque::new(),
        is_sent_again: false,
    };
    while scene.goes_on() || !publisher.open.is_empty() {
        if let Err(error) = publisher.one_line().await {
            scene.fault(&format!("publisher {number}"), &error);
            // What it knows about its own messages may be wrong from now on.
            return;
        }
    }
}

impl Publisher {
    fn name(&self) -> String {
        format!("{}-publisher-{}", self.scene.name, self.number)
    }

    /// Publishes on one connection until the connection is lost, or it is time to leave.
    async fn one_line(&mut self) -> Result<()> {
        let setup = Setup { token: self.name().into(), ..Setup::default() };
        let mut socket = Socket::enter(&self.scene, "/ws", &setup).await?.socket;
        self.is_sent_again = !self.open.is_empty();
        self.send(&mut socket).await?;
        self.answers(&mut socket).await?;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.scene.goes_on() {
            ticks.tick().await;
            for _ in 0..self.batch() {
                let open = self.next();
                self.open.push_back(open);
            }
            self.send(&mut socket).await?;
            if self.chance.usize(..LOSSES) == 0 {
                self.scene.tally.reconnects.add(1);
                return socket
                    .leave(if self.chance.bool() { Way::Reset } else { Way::Finish })
                    .await;
            }
            self.answers(&mut socket).await?;
        }
        socket.leave(Way::Close).await
    }

    /// A whole number of messages, whose mean is the rate.
    fn batch(&mut self) -> u64 {
        (BATCH * self.scene.rate + self.chance.f64()) as u64
    }

    fn next(&mut self) -> Open {
        let topic = self.chance.usize(..TOPICS);
        let old = (self.chance.usize(..REPEATS) == 0)
            .then(|| self.chance.choice(self.stored.iter()))
            .flatten();
        if let Some(old) =
            old.filter(|old| old.at.0.elapsed() < YOUNG && self.scene.is_remembered(old.at.1))
        {
            let repeats = Some((old.topic.clone(), old.seq_no));
            return Open {
                id: old.id.clone(),
                topic: self.scene.topic(topic),
                payload: "\"a repeat\"".to_owned(),
                repeats,
            };
        }
        self.count += 1;
        self.given[topic] += 1;
        let len = self.chance.usize(40..400);
        Open {
            id: self.count.to_string(),
            topic: self.scene.topic(topic),
            payload: payload(self.number, self.given[topic], len),
            repeats: None,
        }
    }

    async fn send(&self, socket: &mut Socket) -> Result<()> {
        for open in &self.open {
            socket.put(&publish(&open.topic, &open.id, &open.payload)?)?;
        }
        socket.flush().await
    }

    /// Reads one answer for each open publish, in their order.
    async fn answers(&mut self, socket: &mut Socket) -> Result<()> {
        while !self.open.is_empty() {
            let text = socket.text().await?;
            let ServerFrame::Ack(ack) = ServerFrame::parse(&text)? else {
                bail!("no ack, but {text}")
            };
            self.acknowledged(&ack).with_context(|| text.clone())?;
        }
        self.is_sent_again = false;
        Ok(())
    }

    fn acknowledged(&mut self, ack: &Ack<'_>) -> Result<()> {
        let Open { id, topic, repeats, .. } =
            self.open.pop_front().context("an answer without a publish")?;
        let (at, seq_no) = (ack.topic.as_str(), ack.seq_no.get());
        ensure!(ack.message_id.as_str() == id, "expected the answer to {id}");
        if let Some((topic, first)) = repeats {
            ensure!(
                ack.status == AckStatus::Duplicate && at == topic && seq_no == first,
                "the first publish of {id} is at {first} of {topic}"
            );
            self.scene.tally.duplicates.add(1);
            return Ok(());
        }
        ensure!(at == topic, "it was published to {topic}");
        ensure!(
            ack.status == AckStatus::Ok || self.is_sent_again,
            "it was published for the first time"
        );
        let index = (0..TOPICS)
            .find(|index| self.scene.topic(*index) == topic)
            .context("an unknown topic")?;
        ensure!(
            seq_no > self.last[index],
            "own messages are not in order: {} came before",
            self.last[index]
        );
        self.last[index] = seq_no;
        self.scene.tally.stored.add(1);
        self.scene.acknowledged(&topic, seq_no);
        self.stored.push_back(Stored {
            id,
            topic,
            seq_no,
            at: (Instant::now(), self.scene.tally.stored.get()),
        });
        if self.stored.len() > KEPT {
            self.stored.pop_front();
        }
        Ok(())
    }
}

/// The publisher numbers of other actors begin here.
pub(super) const OTHERS: u32 = PUBLISHERS;
