//! Publishes that go out together, and the next ones only after every subscriber has them and all
//! are acknowledged. With a broker an ack does not wait for the fan-out: without this, a publisher
//! with one publish in flight would fill a batch, and its figures would say nothing about a message
//! that comes alone.

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
use std::{cell::Cell, rc::Rc, time::Instant};
use tokio::{sync::Notify, task::JoinSet};

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Waves {
    /// Connections that subscribe, spread evenly over the servers.
    pub subscribers: usize,
    /// Publishes that go out together.
    pub together: u64,
    /// Publishes in all.
    pub messages: u64,
}

/// Counts the deliveries of a wave.
#[derive(Default)]
struct Countdown {
    missing: Cell<u64>,
    complete: Notify,
}

impl Countdown {
    fn one(&self) {
        let missing = self.missing.get().saturating_sub(1);
        self.missing.set(missing);
        if missing == 0 {
            self.complete.notify_one();
        }
    }
}

impl Waves {
    pub(super) fn shortened(&self) -> Self {
        Self { messages: (self.messages / 4).max(self.together), ..*self }
    }

    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topics = [names.topic(0)];
        let subscriber = names.subscriber(topics.to_vec());
        let subscribers = connect(server, &subscriber, self.subscribers).await?;
        let publisher = names.publisher(0, names.topic(0));
        let mut publisher = Client::open(&server.target, &publisher).await?;
        let waves = self.messages / self.together;
        let countdown = Rc::new(Countdown::default());
        let mut receiving = JoinSet::new();
        for mut subscriber in subscribers {
            let (countdown, total) = (countdown.clone(), waves * self.together);
            receiving.spawn_local(async move {
                receive(&mut subscriber, total, |_| countdown.one()).await?;
                Ok(subscriber)
            });
        }

        let meter = Meter::start(server)?;
        let (mut payload, mut times) = (Payload::new(0, PAYLOAD), Vec::new());
        let publishing = async {
            for _ in 0..waves {
                countdown.missing.set(self.together * self.subscribers as u64);
                let begun = Instant::now();
                publish(&mut publisher, &topics, &mut payload, self.together, self.together)
                    .await?;
                countdown.complete.notified().await;
                times.push(begun.elapsed());
            }
            Ok(())
        };
        let (_subscribers, ()) = tokio::try_join!(all(receiving), publishing)?;
        let deliveries = waves * self.together * self.subscribers as u64;
        let mut figures = Figures::from([(Metric::PerDelivery, meter.per(deliveries)?)]);
        figures.add_times(Metric::WaveP50, Metric::WaveP99, &mut times);
        meter.add_broker(&mut figures, Metric::BrokerPerDelivery, deliveries)?;
        Ok(figures)
    }
}
