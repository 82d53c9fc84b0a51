//! A quiet topic beside a busy one: how long its publisher waits for the ack and its subscriber for
//! the message while another topic fans out to many subscribers. The quiet one has a thread of its
//! own, so that reading the busy one does not delay it.

use super::{
    PAYLOAD,
    crowd::{Names, Order, connect},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::{Server, Target},
    wire::{Event, Role, payload::Payload},
};
use anyhow::{Context, Result, anyhow};
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, task::JoinSet, time::sleep};

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Fairness {
    /// Subscribers of the busy topic.
    pub subscribers: usize,
    /// Publishes to the quiet topic.
    pub messages: u64,
    /// The time between two of these.
    pub pause: Duration,
}

/// The times from a publish to its ack and to its message.
#[derive(Debug, Default)]
struct Times {
    acks: Vec<Duration>,
    deliveries: Vec<Duration>,
}

impl Fairness {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let mut busy = JoinSet::new();
        for mut subscriber in
            connect(server, &names.subscriber(vec![topic.clone()]), self.subscribers).await?
        {
            busy.spawn_local(async move {
                let mut order = Order::default();
                loop {
                    subscriber.read(|event| in_order(&mut order, event)).await?;
                }
            });
        }
        let mut publisher =
            Client::open(&server.target, &names.publisher(0, topic.clone())).await?;
        busy.spawn_local(async move {
            let mut payload = Payload::new(0, PAYLOAD);
            loop {
                payload.next();
                publisher.publish(&topic, &payload);
                publisher.send().await?;
                publisher.wait_for(1).await?;
            }
        });
        let mut times = tokio::select! {
            times = self.quiet(server.target.clone()) => times?,
            Some(ended) = busy.join_next() => {
                let never: Result<std::convert::Infallible> = ended.context("the busy topic")?;
                never.map(|never| match never {})?
            }
        };
        let mut figures = Figures::default();
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut times.acks);
        figures.add_times(Metric::DeliveryP50, Metric::DeliveryP99, &mut times.deliveries);
        Ok(figures)
    }

    /// The quiet topic, on a thread of its own.
    async fn quiet(self, target: Target) -> Result<Times> {
        let (done, times) = oneshot::channel();
        thread::Builder::new().name("quiet".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let times = runtime
                .map_err(Into::into)
                .and_then(|runtime| runtime.block_on(self.probe(&target)));
            // Fails only if the busy topic has failed, so that the times are not needed.
            let _ = done.send(times);
        })?;
        times.await.map_err(|_| anyhow!("the quiet topic's thread has panicked"))?
    }

    async fn probe(&self, target: &Target) -> Result<Times> {
        let names = Names::new();
        let topic = names.topic(0);
        let role = Role {
            user: names.user(0),
            topics: vec![topic.clone()],
            publishes: Some(topic.clone()),
        };
        let mut client = Client::open(target, &role).await?;
        let (mut times, mut order, mut payload) =
            (Times::default(), Order::default(), Payload::new(0, PAYLOAD));
        for _ in 0..self.messages {
            sleep(self.pause).await;
            payload.next();
            client.publish(&topic, &payload);
            let sent = Instant::now();
            client.send().await?;
            let answered = times.acks.len() + 1;
            while times.acks.len() < answered || times.deliveries.len() < answered {
                client
                    .read(|event| {
                        match event {
                            Event::Ack => times.acks.push(sent.elapsed()),
                            Event::Message { .. } => times.deliveries.push(sent.elapsed()),
                            _ => {}
                        }
                        in_order(&mut order, event)
                    })
                    .await
                    .context("the quiet topic")?;
            }
        }
        Ok(times)
    }
}

fn in_order(order: &mut Order, event: Event) -> Result<()> {
    match event {
        Event::Message { stream, number } => order.check(stream, number),
        _ => Ok(()),
    }
}
