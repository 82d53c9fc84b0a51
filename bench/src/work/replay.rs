//! Replaying missed messages: many connections subscribe with a position before everything that the
//! topic keeps. Beside it, in the same measurement, a live delivery with one publish in flight.

use super::{
    FanOut, PAYLOAD,
    crowd::{Meter, Names, all, publish, receive},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::{Role, payload::Payload},
};
use anyhow::Result;
use tokio::task::JoinSet;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// Connections that missed everything.
    pub subscribers: usize,
    /// Messages that they missed.
    pub messages: u64,
    /// The live delivery that it is compared with.
    pub live: FanOut,
}

impl Replay {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let mut publisher =
            Client::open(&server.target, &names.publisher(0, topic.clone())).await?;
        publish(
            &mut publisher,
            std::slice::from_ref(&topic),
            &mut Payload::new(0, PAYLOAD),
            self.messages,
            64,
        )
        .await?;
        let subscribers = self.connect(server, &names).await?;

        let meter = Meter::start(server)?;
        let mut receiving = JoinSet::new();
        for mut subscriber in subscribers {
            let (topic, total) = (topic.clone(), self.messages);
            receiving.spawn_local(async move {
                subscriber.subscribe(&topic, true)?;
                subscriber.send().await?;
                receive(&mut subscriber, total, |_| ()).await?;
                Ok(subscriber)
            });
        }
        let _kept = all(receiving).await?;
        let mut figures = Figures::from([(
            Metric::PerReplayed,
            meter.per(self.messages * self.subscribers as u64)?,
        )]);
        let live = self.live.run(server).await?;
        live.iter()
            .filter(|(key, _)| key.metric == Metric::PerDelivery)
            .for_each(|(key, figure)| figures.add(key.metric, figure));
        Ok(figures)
    }

    /// Each connection has a user of its own, because the replay to all connections of one user is
    /// limited (`limits.replay_bytes`).
    async fn connect(&self, server: &Server, names: &Names) -> Result<Vec<Client>> {
        let mut subscribers = Vec::with_capacity(self.subscribers);
        for index in 1..=self.subscribers {
            let role = Role { user: names.user(index), ..Role::default() };
            subscribers.push(Client::open(&server.target, &role).await?);
        }
        Ok(subscribers)
    }
}
