//! One publisher, many publishes in flight, and at most one subscriber, on another server if there
//! are several: what a publish costs, how many there are in a second, and how long each takes.

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
    /// Whether there is a subscriber.
    pub heard: bool,
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
        let mut subscriber = None;
        if self.heard {
            let role = names.subscriber(vec![topic.clone()]);
            subscriber = Some(Client::open(server.target_of(1), &role).await?);
        }
        let publisher = names.publisher(0, topic.clone());
        let mut publisher = Client::open(&server.target, &publisher).await?;
        let (topics, mut payload) = ([topic], Payload::new(0, PAYLOAD));

        let (meter, begun) = (Meter::start(server)?, Instant::now());
        // The subscriber is the last to be served, so that all work is measured, also if a server
        // answers a publish before its broker has the message.
        let receiving = async {
            match &mut subscriber {
                Some(subscriber) => receive(subscriber, self.messages, |_| ()).await,
                None => Ok(()),
            }
        };
        let ((), mut latencies) = tokio::try_join!(
            receiving,
            publish(&mut publisher, &topics, &mut payload, self.messages, self.in_flight),
        )?;
        let time = begun.elapsed();
        let mut figures = Figures::from([
            (Metric::PerPublish, meter.per(self.messages)?),
            (Metric::Rate, self.messages as f64 / time.as_secs_f64()),
        ]);
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut latencies);
        meter.add_broker(&mut figures, Metric::BrokerPerPublish, self.messages)?;
        Ok(figures)
    }
}
