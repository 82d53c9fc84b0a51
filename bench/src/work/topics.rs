//! One publisher to many topics, each with the same few subscribers, so that only the number of
//! topics differs.

use super::{
    PAYLOAD,
    crowd::{Meter, Names, Order, all, publish, receive_on},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use tokio::task::JoinSet;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    /// Topics that are published to in turn.
    pub topics: usize,
    /// Connections that share the subscriptions; 0: there is no subscriber, and the publishes
    /// themselves are measured.
    pub connections: usize,
    /// Subscribers of each topic.
    pub subscribers: usize,
    /// Publishes in all, after a first one to each topic.
    pub messages: u64,
    /// Publishes in flight.
    pub in_flight: u64,
}

/// A client that is subscribed to some of the topics.
struct Subscriber {
    client: Client,
    order: Order,
    topics: Vec<usize>,
}

impl Topics {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let mut subscribers = Vec::with_capacity(self.connections);
        for connection in 0..self.connections {
            let topics: Vec<usize> =
                (0..self.topics).filter(|topic| self.has(connection, *topic)).collect();
            let role = names.subscriber(topics.iter().map(|topic| names.topic(*topic)).collect());
            subscribers.push(Subscriber {
                client: Client::open(&server.target, &role).await?,
                order: Order::default(),
                topics,
            });
        }
        let topics: Vec<_> = (0..self.topics).map(|topic| names.topic(topic)).collect();
        let mut publisher =
            Client::open(&server.target, &names.publisher(0, names.topic(0))).await?;
        let mut payload = Payload::new(0, PAYLOAD);
        // A topic's first message costs more than the later ones.
        let (subscribers, _) = self
            .exchange(subscribers, &mut publisher, &topics, &mut payload, self.topics as u64)
            .await?;

        let meter = Meter::start(server)?;
        let (_kept, deliveries) = self
            .exchange(subscribers, &mut publisher, &topics, &mut payload, self.messages)
            .await?;
        Ok(Figures::from([match deliveries {
            0 => (Metric::PerPublish, meter.per(self.messages)?),
            deliveries => (Metric::PerDelivery, meter.per(deliveries)?),
        }]))
    }

    /// Publishes to the topics in turn until every subscriber has everything; returns the number of
    /// deliveries.
    async fn exchange(
        &self,
        subscribers: Vec<Subscriber>,
        publisher: &mut Client,
        topics: &[String],
        payload: &mut Payload,
        messages: u64,
    ) -> Result<(Vec<Subscriber>, u64)> {
        let mut receiving = JoinSet::new();
        let mut deliveries = 0;
        for mut subscriber in subscribers {
            let all = topics.len() as u64;
            let rounds =
                |topic: &usize| messages / all + u64::from((*topic as u64) < messages % all);
            let expected: u64 = subscriber.topics.iter().map(rounds).sum();
            deliveries += expected;
            receiving.spawn_local(async move {
                receive_on(&mut subscriber.client, &mut subscriber.order, expected, |_| ()).await?;
                Ok(subscriber)
            });
        }
        let publishing = publish(publisher, topics, payload, messages, self.in_flight);
        let (subscribers, _) = tokio::try_join!(all(receiving), publishing)?;
        Ok((subscribers, deliveries))
    }

    fn has(&self, connection: usize, topic: usize) -> bool {
        (connection + self.connections - topic * self.subscribers % self.connections)
            % self.connections
            < self.subscribers
    }
}
