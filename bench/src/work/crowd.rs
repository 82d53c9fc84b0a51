//! Publishers and subscribers. Every subscriber checks every number.

use crate::{
    client::Client,
    figure::{Figures, Metric},
    measure::process::Processes,
    side::Server,
    wire::{Event, Role, payload::Payload},
};
use anyhow::{Context, Result, anyhow, ensure};
use std::{
    collections::VecDeque,
    iter::repeat_n,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Names that no other measurement uses, so that numbers begin at 1 and no message is a duplicate.
#[derive(Debug)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn new() -> Self {
        static MEASUREMENTS: AtomicU64 = AtomicU64::new(0);
        Self(format!("bench-{}-{}", std::process::id(), MEASUREMENTS.fetch_add(1, Relaxed)))
    }

    /// A topic's name; the stream's number comes last, after a dot.
    pub(super) fn topic(&self, index: usize) -> String {
        format!("{}.{index}", self.0)
    }

    pub(super) fn user(&self, index: usize) -> String {
        format!("{}-user-{index}", self.0)
    }

    /// A connection that subscribes.
    pub(super) fn subscriber(&self, topics: Vec<String>) -> Role {
        Role { user: format!("{}-subscriber", self.0), topics, publishes: None }
    }

    /// A connection that only publishes.
    pub(super) fn publisher(&self, index: usize, topic: String) -> Role {
        Role { user: self.user(index), topics: Vec::new(), publishes: Some(topic) }
    }
}

/// Opens `count` connections with the same role, spread evenly over the servers.
pub(super) async fn connect(server: &Server, role: &Role, count: usize) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        clients.push(
            Client::open(server.target_of(number), role)
                .await
                .with_context(|| format!("connection {number}"))?,
        );
    }
    Ok(clients)
}

/// The last number of each stream; the next must be one above it.
#[derive(Debug, Default)]
pub(super) struct Order(Vec<u64>);

impl Order {
    /// Checks the next number.
    pub(super) fn check(&mut self, stream: usize, number: u64) -> Result<()> {
        if self.0.len() <= stream {
            self.0.resize(stream + 1, 0);
        }
        let last = &mut self.0[stream];
        ensure!(
            number == *last + 1,
            "lost or out of order: number {number} behind {last} of stream {stream}"
        );
        *last = number;
        Ok(())
    }
}

/// Reads until `total` messages have come, each in order; calls `each` with every one.
pub(super) async fn receive(client: &mut Client, total: u64, each: impl FnMut(u64)) -> Result<()> {
    receive_on(client, &mut Order::default(), total, each).await
}

/// As [`receive`], after the messages that have already come.
pub(super) async fn receive_on(
    client: &mut Client,
    order: &mut Order,
    total: u64,
    mut each: impl FnMut(u64),
) -> Result<()> {
    let mut received = 0;
    while received < total {
        client
            .read(|event| {
                if let Event::Message { stream, number } = event {
                    order.check(stream, number)?;
                    received += 1;
                    each(number);
                }
                Ok(())
            })
            .await
            .context("a subscriber")?;
    }
    ensure!(received == total, "{received} messages where {total} were published");
    Ok(())
}

/// Publishes to the topics in turn, with a number of publishes in flight; returns the time from
/// each to its ack.
pub(super) async fn publish(
    client: &mut Client,
    topics: &[String],
    payload: &mut Payload,
    total: u64,
    in_flight: u64,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(usize::try_from(total)?);
    let (mut sent, mut acked) = (0, 0);
    let mut times = VecDeque::new();
    let mut topics = topics.iter().cycle();
    while acked < total {
        let more = in_flight.saturating_sub(sent - acked).min(total - sent);
        for topic in topics.by_ref().take(usize::try_from(more)?) {
            payload.next();
            client.publish(topic, payload);
        }
        times.extend(repeat_n(Instant::now(), usize::try_from(more)?));
        sent += more;
        client.send().await?;
        client
            .read(|event| {
                if event == Event::Ack {
                    acked += 1;
                    let sent = times.pop_front().context("an ack too many")?;
                    latencies.push(sent.elapsed());
                }
                Ok(())
            })
            .await
            .context("a publisher")?;
    }
    Ok(latencies)
}

/// Waits for all tasks; the first that fails ends the others.
pub(super) async fn all<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result.map_err(|error| anyhow!("a task has panicked: {error}"))??);
    }
    Ok(results)
}

/// Measures the CPU time of a server, and apart from it that of the broker.
pub(super) struct Meter<'a> {
    processes: &'a Processes,
    before: Duration,
    broker: Option<(&'a Processes, Duration)>,
}

impl<'a> Meter<'a> {
    pub(super) fn start(server: &'a Server) -> Result<Self> {
        let broker = server.broker().map(|broker| &broker.processes);
        let broker = broker.map(|broker| anyhow::Ok((broker, broker.cpu()?))).transpose()?;
        Ok(Self { processes: &server.processes, before: server.processes.cpu()?, broker })
    }

    /// Microseconds for each of `count`.
    pub(super) fn per(&self, count: u64) -> Result<f64> {
        since(self.processes, self.before, count)
    }

    /// Adds the broker's microseconds for each of `count`, if there is a broker.
    pub(super) fn add_broker(
        &self,
        figures: &mut Figures,
        metric: Metric,
        count: u64,
    ) -> Result<()> {
        if let Some((processes, before)) = self.broker {
            figures.add(metric, since(processes, before, count)?);
        }
        Ok(())
    }
}

fn since(processes: &Processes, before: Duration, count: u64) -> Result<f64> {
    Ok((processes.cpu()? - before).as_secs_f64() * 1e6 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_a_repeat_and_a_message_that_comes_too_early_are_noticed() {
        let mut order = Order::default();
        for (stream, number) in [(0, 1), (3, 1), (0, 2), (3, 2)] {
            order.check(stream, number).unwrap();
        }
        assert!(order.check(0, 2).is_err());
        assert!(order.check(0, 4).is_err());
        assert!(order.check(1, 2).is_err());
        order.check(0, 3).unwrap();
    }
}
