//! The time from a publish to its delivery, at a steady rate that leaves the server idle time. The
//! load generator reads all subscribers on one thread, so the last of them are delayed by reading
//! the others: equally for every side.

use super::{
    PAYLOAD,
    crowd::{Names, all, connect, publish, receive},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Connections that subscribe.
    pub subscribers: usize,
    /// The time between two publishes.
    pub pause: Duration,
    /// Publishes in all.
    pub messages: u64,
}

impl Latency {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let subscribers =
            connect(server, &names.subscriber(vec![topic.clone()]), self.subscribers).await?;
        let mut publisher =
            Client::open(&server.target, &names.publisher(0, topic.clone())).await?;
        let sent: Rc<RefCell<Vec<Instant>>> = Rc::default();
        let mut receiving = JoinSet::new();
        for mut subscriber in subscribers {
            let (sent, total) = (sent.clone(), self.messages);
            receiving.spawn_local(async move {
                let mut times = Vec::new();
                receive(&mut subscriber, total, |number| times.push(since(&sent.borrow(), number)))
                    .await?;
                Ok((subscriber, times))
            });
        }
        let publishing = async {
            let mut ticks = interval(self.pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut payload, mut acks) = (Payload::new(0, PAYLOAD), Vec::new());
            for _ in 0..self.messages {
                ticks.tick().await;
                sent.borrow_mut().push(Instant::now());
                acks.extend(
                    publish(&mut publisher, std::slice::from_ref(&topic), &mut payload, 1, 1)
                        .await?,
                );
            }
            Ok(acks)
        };
        let (received, mut acks) = tokio::try_join!(all(receiving), publishing)?;
        let mut figures = Figures::default();
        let mut times: Vec<_> = received.iter().flat_map(|(_, times)| times).copied().collect();
        figures.add_times(Metric::DeliveryP50, Metric::DeliveryP99, &mut times);
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut acks);
        Ok(figures)
    }
}

/// Numbers begin at 1; the check of the order has already refused a number that was never sent.
fn since(sent: &[Instant], number: u64) -> Duration {
    let at = usize::try_from(number).ok().and_then(|number| sent.get(number - 1));
    at.map(Instant::elapsed).unwrap_or_default()
}
