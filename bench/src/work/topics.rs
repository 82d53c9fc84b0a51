//! One publisher to many topics, each with the same few subscribers, so that only the number of topics differs.

use super::{
    PAYLOAD,
    crowd::{Meter, Names, all, publish, receive},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use tokio::task::JoinSet;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    /// Topics that are published to in turn.
    pub topics: usize,
    /// Connections that share the subscriptions.
    pub connections: usize,
    /// Subscribers of each topic.
    pub subscribers: usize,
    /// Publishes in all, one in flight.
    pub messages: u64,
}

impl Topics {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let mut subscribers = Vec::with_capacity(self.connections);
        for connection in 0..self.connections {
            let own: Vec<usize> = (0..self.topics).filter(|topic| self.has(connection, *topic)).collect();
            let rounds = |topic: usize| self.messages / self.topics as u64 + u64::from((topic as u64) < self.messages % self.topics as u64);
            let expected: u64 = own.iter().map(|topic| rounds(*topic)).sum();
            let role = names.subscriber(own.iter().map(|topic| names.topic(*topic)).collect());
            subscribers.push((Client::open(&server.target, &role).await?, expected));
        }
        let mut publisher = Client::open(&server.target, &names.publisher(0, names.topic(0))).await?;
        let topics: Vec<_> = (0..self.topics).map(|topic| names.topic(topic)).collect();
        let deliveries = subscribers.iter().map(|(_, expected)| expected).sum();

        let meter = Meter::start(server)?;
        let mut receiving = JoinSet::new();
        for (mut subscriber, expected) in subscribers {
            receiving.spawn_local(async move {
                receive(&mut subscriber, expected, |_| ()).await?;
                Ok(subscriber)
            });
        }
        let mut payload = Payload::new(0, PAYLOAD);
        let publishing = publish(&mut publisher, &topics, &mut payload, self.messages, 1);
        let _kept = tokio::try_join!(all(receiving), publishing)?;
        Ok(Figures::from([(Metric::PerDelivery, meter.per(deliveries)?)]))
    }

    fn has(&self, connection: usize, topic: usize) -> bool {
        (connection + self.connections - topic * self.subscribers % self.connections) % self.connections < self.subscribers
    }
}
