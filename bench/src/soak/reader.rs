//! A connection that reads topics and checks every frame with its ledger.

use super::{
    entrance::Entered,
    ledger::Ledger,
    limits::{HISTORY, HISTORY_AGE},
    scene::Scene,
};
use crate::socket::{Arrival, Socket, receipt};
use anyhow::{Result, bail, ensure};
use protocol::{ClientFrame, ServerFrame};
use std::{rc::Rc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A reader may send receipts after this many messages.
const RECEIPT: u64 = 200;

#[derive(Debug)]
pub(super) struct Reader {
    scene: Rc<Scene>,
    pub(super) socket: Socket,
    pub(super) ledger: Ledger,
    /// The time that the position lies behind the present.
    behind: Duration,
    gives_receipts: bool,
    since_receipt: u64,
    /// The time of the positions in the receipts that the gateway has read.
    pub(super) receipts_from: Instant,
    /// The time of the positions in the receipts that were sent last.
    sent_at: Instant,
    /// Whether the gateway may or may not have read the last receipts.
    pub(super) has_open_receipts: bool,
}

impl Reader {
    /// Handles the answers to a setup.
    pub(super) async fn begin(
        scene: &Rc<Scene>,
        entered: Entered,
        ledger: Ledger,
        behind: Duration,
        gives_receipts: bool,
    ) -> Result<Self> {
        let Entered { socket, answers, resumed, .. } = entered;
        let from = Instant::now() - behind;
        let mut reader = Self {
            scene: scene.clone(),
            socket,
            ledger,
            behind,
            gives_receipts,
            since_receipt: 0,
            receipts_from: from,
            sent_at: from,
            has_open_receipts: false,
        };
        for text in &answers {
            reader.take(text)?;
        }
        reader.ledger.ready(resumed == Some(true))?;
        // A loss is told again at each resume until there is a receipt. It is as old as the
        // positions that it is about.
        reader.give_receipts().await?;
        reader.sent_at = from;
        Ok(reader)
    }

    /// Handles one frame of the gateway.
    pub(super) fn take(&mut self, text: &str) -> Result<()> {
        match ServerFrame::parse(text)? {
            ServerFrame::Message(message) => {
                self.ledger.message(&message)?;
                self.scene.tally.delivered.add(1);
                self.since_receipt += 1;
            }
            ServerFrame::Subscribed(subscribed) => {
                if let Some(missed) = self.ledger.subscribed(&subscribed)? {
                    let is_needed = missed >= HISTORY / 2 || self.behind >= HISTORY_AGE / 2;
                    ensure!(
                        is_needed,
                        "{} messages lost after {:?} without need: {text}",
                        missed,
                        self.behind
                    );
                    self.scene.tally.lost.add(1);
                } else if subscribed.recovered == Some(true) {
                    self.scene.tally.recovered.add(1);
                }
            }
            ServerFrame::Unsubscribed(unsubscribed) => {
                self.ledger.unsubscribed(unsubscribed.topic.as_str())
            }
            ServerFrame::Pong => {
                self.ledger.confirmed();
                self.receipts_from = self.sent_at;
                self.has_open_receipts = false;
            }
            _ => bail!("unasked: {text}"),
        }
        Ok(())
    }

    /// Reads until `end`. Fails also if the gateway closes.
    pub(super) async fn read_until(&mut self, end: Instant) -> Result<()> {
        while let Ok(arrival) = timeout_at(end, self.socket.next()).await {
            self.arrived(arrival?).await?;
        }
        Ok(())
    }

    pub(super) async fn arrived(&mut self, arrival: Arrival) -> Result<()> {
        match arrival {
            Arrival::Text(text) => self.take(&text)?,
            other => bail!("a reader that keeps up was closed: {other:?}"),
        }
        if self.gives_receipts && self.since_receipt >= RECEIPT {
            self.give_receipts().await?;
        }
        Ok(())
    }

    /// Sends a receipt for each topic; the answer to the `ping` after them tells that the gateway
    /// has read them.
    async fn give_receipts(&mut self) -> Result<()> {
        self.since_receipt = 0;
        if self.has_open_receipts {
            return Ok(());
        }
        for (topic, course) in self.ledger.topics() {
            self.socket.put(&receipt(topic, course.position, &course.epoch)?)?;
        }
        self.ledger.receipted();
        self.sent_at = Instant::now();
        self.has_open_receipts = true;
        self.socket.say(&ClientFrame::Ping).await
    }
}
