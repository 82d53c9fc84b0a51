//! Each client publishes to its own topic, and goes on after both ack and message have come.

use super::{
    PAYLOAD,
    crowd::{Meter, Names, Order, all},
};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::{Event, Role, payload::Payload},
};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct PingPong {
    /// Connections.
    pub connections: usize,
    /// Publishes per connection.
    pub messages: u64,
}

impl PingPong {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let (names, messages) = (Names::new(), self.messages);
        let mut clients = Vec::with_capacity(self.connections);
        for number in 0..self.connections {
            let topic = names.topic(number);
            let role = Role {
                user: names.user(number),
                topics: vec![topic.clone()],
                publishes: Some(topic.clone()),
            };
            clients.push((Client::open(&server.target, &role).await?, topic));
        }
        let meter = Meter::start(server)?;
        let mut tasks = JoinSet::new();
        for (number, (client, topic)) in clients.into_iter().enumerate() {
            tasks.spawn_local(play(client, topic, Payload::new(number, PAYLOAD), messages));
        }
        let played = all(tasks).await?;
        let mut figures =
            Figures::from([(Metric::PerPublish, meter.per(messages * self.connections as u64)?)]);
        let mut times: Vec<_> = played.into_iter().flat_map(|(_, times)| times).collect();
        figures.add_times(Metric::AckP50, Metric::AckP99, &mut times);
        Ok(figures)
    }
}

async fn play(
    mut client: Client,
    topic: String,
    mut payload: Payload,
    messages: u64,
) -> Result<(Client, Vec<Duration>)> {
    let (mut order, mut times) = (Order::default(), Vec::with_capacity(usize::try_from(messages)?));
    for _ in 0..messages {
        payload.next();
        client.publish(&topic, &payload);
        let sent = Instant::now();
        client.send().await?;
        let (mut acked, mut received) = (false, false);
        while !(acked && received) {
            client
                .read(|event| {
                    match event {
                        Event::Ack => {
                            acked = true;
                            times.push(sent.elapsed());
                        }
                        Event::Message { stream, number } => {
                            order.check(stream, number)?;
                            received = true;
                        }
                        _ => {}
                    }
                    Ok(())
                })
                .await
                .context("ping-pong")?;
        }
    }
    Ok((client, times))
}
