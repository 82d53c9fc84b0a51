//! Subscribing and unsubscribing beside existing topics and subscribers, whose number should have
//! no effect.

use super::crowd::{Meter, Names, connect};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
};
use anyhow::Result;

/// Pairs per write, so that the work is measured and not the system calls around it.
const BATCH: u64 = 16;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// Topics that exist.
    pub topics: usize,
    /// Subscribers of the topic that is subscribed to and left.
    pub subscribers: usize,
    /// Pairs of a subscribe and an unsubscribe.
    pub pairs: u64,
}

impl Churn {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let _subscribers =
            connect(server, &names.subscriber(vec![topic.clone()]), self.subscribers).await?;
        let mut others = Client::open(
            &server.target,
            &names.subscriber((1..self.topics).map(|other| names.topic(other)).collect()),
        )
        .await?;
        let mut client = Client::open(&server.target, &names.subscriber(Vec::new())).await?;
        let meter = Meter::start(server)?;
        for _ in 0..self.pairs / BATCH {
            for _ in 0..BATCH {
                client.subscribe(&topic, false)?;
                client.unsubscribe(&topic)?;
            }
            client.send().await?;
            client.wait_for(2 * usize::try_from(BATCH)?).await?;
        }
        let figures = Figures::from([(Metric::PerPair, meter.per(self.pairs / BATCH * BATCH)?)]);
        others.send().await?;
        Ok(figures)
    }
}
