//! Short-lived topics: created, published to, read and left.

use super::Scene;
use crate::socket::{Socket, Way, publish, subscribe, unsubscribe};
use anyhow::{Result, ensure};
use fastrand::Rng;
use protocol::{AckStatus, ErrorCode, ServerFrame, Setup};
use std::{cell::Cell, rc::Rc, time::Duration};

/// The time between two topics.
const BETWEEN: Duration = Duration::from_millis(50);

/// Topics per connection.
const EACH: usize = 40;

/// Messages per topic.
const MESSAGES: u64 = 3;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

pub(super) async fn topics(scene: Rc<Scene>, number: usize, mut chance: Rng) -> Result<()> {
    let setup =
        Setup { token: format!("{}-brief-{number}", scene.name).into(), ..Setup::default() };
    let mut socket = Socket::enter(&scene, "/ws", &setup).await?.socket;
    for _ in 0..EACH {
        if !scene.pause_about(&mut chance, BETWEEN.div_f64(scene.rate)).await {
            break;
        }
        one(&scene, &mut socket, chance.bool()).await?;
    }
    socket.leave(Way::EndSession).await
}

/// If `waits`, the client leaves the topic only after all messages have come.
async fn one(scene: &Scene, socket: &mut Socket, waits: bool) -> Result<()> {
    let count = COUNT.get();
    COUNT.set(count + 1);
    let topic = format!("{}.brief.{count}", scene.name);
    let ids: Vec<_> = (1..=MESSAGES + 1).map(|nth| format!("{count}-{nth}")).collect();
    socket.put(&subscribe(&topic)?)?;
    for id in &ids[..MESSAGES as usize] {
        socket.put(&publish(&topic, id, "[]")?)?;
    }
    let mut answers = Answers::default();
    if waits {
        socket.flush().await?;
        while answers.refused == 0 && answers.messages + answers.acks < 2 * MESSAGES {
            let text = socket.text().await?;
            ensure!(
                answers.take(scene, &topic, &ServerFrame::parse(&text)?),
                "{text} behind {answers:?}"
            );
        }
    }
    socket.put(&unsubscribe(&topic)?)?;
    // This message must not be delivered to anyone.
    socket.put(&publish(&topic, &ids[MESSAGES as usize], "[]")?)?;
    socket.flush().await?;
    while !answers.is_complete() {
        let text = socket.text().await?;
        ensure!(
            answers.take(scene, &topic, &ServerFrame::parse(&text)?),
            "{text} behind {answers:?}"
        );
    }
    scene.tally.brief.add(1);
    Ok(())
}

#[derive(Debug, Default)]
struct Answers {
    subscribed: bool,
    messages: u64,
    acks: u64,
    unsubscribed: bool,
    refused: u64,
}

impl Answers {
    fn is_complete(&self) -> bool {
        self.unsubscribed && self.acks + self.refused > MESSAGES
    }

    /// False if the frame may not come now.
    fn take(&mut self, scene: &Scene, topic: &str, frame: &ServerFrame<'_>) -> bool {
        match frame {
            ServerFrame::Subscribed(it) => {
                let is_first =
                    !self.subscribed && it.topic.as_str() == topic && it.seq_no.get() == 0;
                self.subscribed = true;
                is_first
            }
            ServerFrame::Message(it) => {
                self.messages += 1;
                scene.tally.delivered.add(1);
                self.subscribed
                    && !self.unsubscribed
                    && it.topic.as_str() == topic
                    && it.seq_no.get() == self.messages
            }
            ServerFrame::Ack(it) => {
                self.acks += 1;
                scene.tally.stored.add(1);
                it.status == AckStatus::Ok
                    && it.topic.as_str() == topic
                    && it.seq_no.get() == self.acks
            }
            ServerFrame::Unsubscribed(it) => {
                let is_due = it.topic.as_str() == topic
                    && it.code.is_none()
                    && (!self.subscribed || self.messages <= MESSAGES);
                self.unsubscribed = true;
                is_due
            }
            // Expected if all topics that are allowed have a subscriber or history.
            ServerFrame::Error(it) if it.code == ErrorCode::TooManyTopics => {
                self.refused += u64::from(it.message_id.is_some());
                scene.tally.refused.add(1);
                true
            }
            _ => false,
        }
    }
}
