//! A client that publishes to all topics, one message of each in flight, and repeats each under its
//! message id until it is acknowledged, at whichever gateway serves.

use super::{
    scene::{Entered, PATIENCE, Scene, Stage, TOPICS, add, topic},
    tokens::MEMBER,
};
use crate::{
    soak::ledger::payload,
    socket::{Arrival, Socket, Way, publish},
};
use anyhow::{Context, Result, bail};
use fastrand::Rng;
use protocol::{ErrorCode, ServerFrame, Setup};
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// The time between two rounds.
const PACE: Duration = Duration::from_millis(20);
/// The time before a publish is repeated that was not stored.
const AGAIN: Duration = Duration::from_millis(100);
/// How long it stays at a gateway, at most.
const STAY: Duration = Duration::from_secs(20);

struct Publisher {
    scene: Rc<Scene>,
    number: u32,
    chance: Rng,
    /// The number of the last message of each topic.
    last: [u64; TOPICS],
    /// By topic, the message that was not acknowledged yet.
    open: BTreeMap<usize, u64>,
    session: Option<String>,
}

/// Publishes until the last stage but one, and until everything is acknowledged.
pub(super) async fn run(scene: Rc<Scene>, number: u32) {
    let chance = scene.chance();
    let mut publisher = Publisher {
        scene,
        number,
        chance,
        last: [0; TOPICS],
        open: BTreeMap::new(),
        session: None,
    };
    while !publisher.is_done() {
        // Whatever breaks, it goes on elsewhere.
        let _ = publisher.visit().await;
    }
}

impl Publisher {
    fn is_done(&self) -> bool {
        self.scene.stage() > Stage::Traffic && self.open.is_empty()
    }

    async fn visit(&mut self) -> Result<()> {
        let setup = Setup {
            token: MEMBER.into(),
            session_id: self.session.clone().map(Into::into),
            ..Setup::default()
        };
        let Some(Entered { mut socket, session, .. }) =
            self.scene.enter(&mut self.chance, &setup).await
        else {
            return Ok(());
        };
        self.session = Some(session);
        let begun = Instant::now();
        while !self.is_done() && begun.elapsed() < STAY.mul_f64(self.chance.f64()) + PACE {
            if self.scene.stage() == Stage::Traffic {
                for index in 0..TOPICS {
                    if !self.open.contains_key(&index) {
                        self.last[index] += 1;
                        self.open.insert(index, self.last[index]);
                    }
                }
            }
            let failed =
                timeout(PATIENCE, self.round(&mut socket)).await.context("no answer")??;
            sleep(if failed { AGAIN } else { PACE }).await;
        }
        let way = if self.is_done() { Way::EndSession } else { Way::Reset };
        timeout(PATIENCE, socket.leave(way)).await.context("it does not close")?
    }

    /// Sends what is open, and takes the answers. True: some of it has failed.
    async fn round(&mut self, socket: &mut Socket) -> Result<bool> {
        for (index, number) in &self.open {
            let data = payload(self.number, *number, 60);
            socket.put(&publish(&topic(*index), &self.id(*index, *number), &data)?)?;
        }
        socket.flush().await?;
        let mut failed = false;
        for _ in 0..self.open.len() {
            let Arrival::Text(text) = socket.next().await? else { bail!("closed") };
            match ServerFrame::parse(&text)? {
                ServerFrame::Ack(ack) => self.acknowledged(&ack.message_id.to_string())?,
                ServerFrame::Error(failure) if failure.code == ErrorCode::BackboneUnavailable => {
                    add(&self.scene.tally.unavailable);
                    failed = true;
                }
                ServerFrame::Error(failure) if failure.code == ErrorCode::ShuttingDown => {
                    bail!("the gateway is about to stop")
                }
                other => {
                    self.scene.violation("a publisher", format!("was told {other:?}"));
                    bail!("unasked");
                }
            }
        }
        Ok(failed)
    }

    fn id(&self, topic: usize, number: u64) -> String {
        format!("{}-{topic}-{number}", self.number)
    }

    fn acknowledged(&mut self, id: &str) -> Result<()> {
        let found = self.open.iter().find(|(topic, number)| self.id(**topic, **number) == id);
        let Some((index, number)) = found.map(|(topic, number)| (*topic, *number)) else {
            self.scene.violation("a publisher", format!("{id} was acknowledged, unasked"));
            bail!("unasked");
        };
        self.open.remove(&index);
        add(&self.scene.tally.acknowledged);
        self.scene.acknowledged.borrow_mut().insert((topic(index), self.number), number);
        Ok(())
    }
}
