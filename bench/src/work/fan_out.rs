//! Publishers of one topic, and its subscribers.

use super::{
    PAYLOAD,
    crowd::{Meter, Names, all, connect, publish, receive},
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
pub struct FanOut {
    /// Connections that subscribe.
    pub subscribers: usize,
    /// Connections that publish.
    pub publishers: usize,
    /// Publishes of one publisher in flight.
    pub in_flight: u64,
    /// Publishes in all.
    pub messages: u64,
}

impl FanOut {
    pub(super) fn shortened(&self) -> Self {
        Self { messages: (self.messages / 4).max(self.publishers as u64), ..*self }
    }

    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let subscribers =
            connect(server, &names.subscriber(vec![topic.clone()]), self.subscribers).await?;
        let mut publishers = Vec::with_capacity(self.publishers);
        for number in 0..self.publishers {
            publishers
                .push(Client::open(&server.target, &names.publisher(number, topic.clone())).await?);
        }
        let each = self.messages / self.publishers as u64;
        let published = each * self.publishers as u64;
        let in_flight = self.in_flight;

        let meter = Meter::start(server)?;
        let (mut receiving, mut publishing) = (JoinSet::new(), JoinSet::new());
        for mut subscriber in subscribers {
            receiving.spawn_local(async move {
                receive(&mut subscriber, published, |_| ()).await?;
                Ok(subscriber)
            });
        }
        for (number, mut publisher) in publishers.into_iter().enumerate() {
            let topics = [topic.clone()];
            publishing.spawn_local(async move {
                let latencies = publish(
                    &mut publisher,
                    &topics,
                    &mut Payload::new(number, PAYLOAD),
                    each,
                    in_flight,
                )
                .await?;
                Ok((publisher, latencies))
            });
        }
        // Connections stay open until all is measured: closing costs the server something too.
        let (_subscribers, published_by) = tokio::try_join!(all(receiving), all(publishing))?;
        let deliveries = published * self.subscribers as u64;
        let mut figures = Figures::from([(Metric::PerDelivery, meter.per(deliveries)?)]);
        let mut latencies: Vec<_> =
            published_by.iter().flat_map(|(_, latencies)| latencies).copied().collect();
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut latencies);
        Ok(figures)
    }
}
