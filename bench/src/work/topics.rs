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
    wire::{Role, payload::Payload},
};
use anyhow::Result;
use tokio::task::JoinSet;

/// Quiet topics per connection: as many as a gateway allows by default (`limits.max_subscriptions`).
const PER_CONNECTION: usize = 1000;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    /// Topics that are published to in turn.
    pub topics: usize,
    /// Further topics that have a subscriber but no message.
    pub quiet: usize,
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
        let _quiet = self.quiet(server, &names).await?;
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

    /// Connections that are subscribed to the quiet topics; each has a user of its own, because a
    /// user's share of topics is limited.
    async fn quiet(&self, server: &Server, names: &Names) -> Result<Vec<Client>> {
        let all: Vec<_> =
            (self.topics..self.topics + self.quiet).map(|topic| names.topic(topic)).collect();
        let mut clients = Vec::new();
        for (index, topics) in all.chunks(PER_CONNECTION).enumerate() {
            let role = Role { user: names.user(index), topics: topics.to_vec(), publishes: None };
            clients.push(Client::open(&server.target, &role).await?);
        }
        Ok(clients)
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
