//! The memory of each kind of thing that a server keeps: a connection with its session, a topic, a
//! subscription, a message. Each is created many times on a fresh server, one kind after the other,
//! and the memory is read in between.

use super::{
    PAYLOAD, SETTLING,
    crowd::{Names, connect, publish},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use tokio::time::sleep;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Connections before the first reading, because the first ones make the server allocate memory
    /// of its own.
    pub before: usize,
    /// Connections without a topic.
    pub connections: usize,
    /// Subscriptions per connection, each to a new topic; then as many further ones to the same
    /// topics.
    pub subscriptions: usize,
    /// The number of connections with subscriptions.
    pub subscribing: usize,
    /// Messages in all.
    pub messages: u64,
    /// Topics that keep the messages: few enough that none is dropped.
    pub published_to: usize,
}

/// The growth of the server's memory.
struct Growth<'a> {
    server: &'a Server,
    last: u64,
}

impl<'a> Growth<'a> {
    fn start(server: &'a Server) -> Result<Self> {
        Ok(Self { server, last: server.processes.memory()? })
    }

    /// The growth since the last reading for each of `count`, in bytes.
    async fn per(&mut self, count: u64) -> Result<f64> {
        sleep(SETTLING).await;
        let now = self.server.processes.memory()?;
        let grown = now.saturating_sub(std::mem::replace(&mut self.last, now));
        Ok(grown as f64 / count as f64)
    }
}

impl Memory {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let silent = names.subscriber(Vec::new());
        let _first = connect(server, &silent, self.before).await?;
        sleep(SETTLING).await;
        let mut growth = Growth::start(server)?;
        let mut figures = Figures::default();

        let mut clients = connect(server, &silent, self.connections).await?;
        figures.add(Metric::PerConnection, growth.per(self.connections as u64).await? / 1024.0);

        let subscriptions = (self.subscriptions * self.subscribing) as u64;
        for metric in [Metric::PerTopic, Metric::PerSubscription] {
            for (index, client) in
                clients.drain(..self.subscribing).collect::<Vec<_>>().into_iter().enumerate()
            {
                let first = index * self.subscriptions;
                clients.push(self.subscribe(client, &names, first).await?);
            }
            figures.add(metric, growth.per(subscriptions).await?);
        }

        let topics: Vec<_> =
            (0..self.published_to).map(|index| names.topic(index + 10_000_000)).collect();
        let mut publisher =
            Client::open(&server.target, &names.publisher(0, topics[0].clone())).await?;
        publish(&mut publisher, &topics, &mut Payload::new(0, PAYLOAD), self.messages, 64).await?;
        figures.add(Metric::PerMessage, growth.per(self.messages).await?);
        Ok(figures)
    }

    async fn subscribe(&self, mut client: Client, names: &Names, first: usize) -> Result<Client> {
        for index in first..first + self.subscriptions {
            client.subscribe(&names.topic(index), false)?;
            client.send().await?;
            client.wait_for(1).await?;
        }
        Ok(client)
    }
}
