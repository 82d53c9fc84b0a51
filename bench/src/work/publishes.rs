//! One publisher, many publishes in flight, and one subscriber, on another server if there are
//! several: what a publish costs, how many there are in a second, and how long each takes.

use super::{
    PAYLOAD,
    crowd::{Meter, Names, publish, receive},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use std::time::Instant;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Publishes {
    /// Publishes in flight.
    pub in_flight: u64,
    /// Publishes in all.
    pub messages: u64,
}

impl Publishes {
    pub(super) fn shortened(&self) -> Self {
        Self { messages: self.messages / 4, ..*self }
    }

    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let subscriber = names.subscriber(vec![topic.clone()]);
        let mut subscriber = Client::open(server.target_of(1), &subscriber).await?;
        let publisher = names.publisher(0, topic.clone());
        let mut publisher = Client::open(&server.target, &publisher).await?;
        let (topics, mut payload) = ([topic], Payload::new(0, PAYLOAD));

        let (meter, begun) = (Meter::start(server)?, Instant::now());
        // The subscriber is the last to be served, so that all work is measured, also if a server
        // answers a publish before its broker has the message.
        let ((), mut latencies) = tokio::try_join!(
            receive(&mut subscriber, self.messages, |_| ()),
            publish(&mut publisher, &topics, &mut payload, self.messages, self.in_flight),
        )?;
        let time = begun.elapsed();
        let mut figures = Figures::from([
            (Metric::PerPublish, meter.per(self.messages)?),
            (Metric::Rate, self.messages as f64 / time.as_secs_f64()),
        ]);
        let mut broker = Figures::default();
        meter.add_broker(&mut broker, Metric::BrokerPerPublish, self.messages)?;
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut latencies);
        figures.append(&broker);
        Ok(figures)
    }
}
