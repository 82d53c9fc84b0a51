//! What a server keeps, piece by piece: a connection with its session, a topic, a subscription, a
//! message. Each is made many times on a server that has done nothing yet, one after the other, and
//! the memory is read in between.

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

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Connections before the first reading: what the first ones cost is the server's, not theirs.
    pub before: usize,
    /// Connections without a topic.
    pub connections: usize,
    /// Subscriptions of each of some of them, each to a topic of its own; then as many others join
    /// these.
    pub subscriptions: usize,
    /// How many connections have them.
    pub subscribing: usize,
    /// Messages in all.
    pub messages: u64,
    /// Topics that keep them: few enough that none is let go of.
    pub published_to: usize,
}

/// What the server's memory has grown by.
struct Growth<'a> {
    server: &'a Server,
    last: u64,
}

impl<'a> Growth<'a> {
    fn start(server: &'a Server) -> Result<Self> {
        Ok(Self { server, last: server.processes.memory()? })
    }

    /// Since the last reading, for each of so many, in bytes.
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
