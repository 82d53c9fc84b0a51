//! More publishes than subscribers read: some read nothing, the others everything. Measures the
//! server's memory, and checks that it serves the others.

use super::crowd::{Names, all, connect, publish, receive};
use crate::{
    client::Client,
    figure::{Figures, Metric},
    side::Server,
    wire::payload::Payload,
};
use anyhow::Result;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// The time between two readings of the memory.
const LOOK: Duration = Duration::from_millis(10);

/// How long the clients that had stopped may take to get everything.
const DRAINING: Duration = Duration::from_secs(15);

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Outrun {
    /// Subscribers that read nothing.
    pub stalled: usize,
    /// Subscribers that read everything.
    pub readers: usize,
    /// Publishers, each with 256 publishes in flight.
    pub publishers: usize,
    /// Publishes in all.
    pub messages: u64,
    /// Bytes of a payload.
    pub payload: usize,
}

impl Outrun {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let topic = names.topic(0);
        let role = names.subscriber(vec![topic.clone()]);
        let stalled = connect(server, &role, self.stalled).await?;
        let each = self.messages / self.publishers as u64;
        let (total, length) = (each * self.publishers as u64, self.payload);
        let mut tasks = JoinSet::new();
        for mut reader in connect(server, &role, self.readers).await? {
            tasks.spawn_local(async move {
                receive(&mut reader, total, |_| ()).await?;
                Ok(reader)
            });
        }
        let mut publishers = Vec::new();
        for number in 0..self.publishers {
            publishers
                .push(Client::open(&server.target, &names.publisher(number, topic.clone())).await?);
        }
        let rest = server.processes.memory()?;
        for (number, mut publisher) in publishers.into_iter().enumerate() {
            let topics = [topic.clone()];
            tasks.spawn_local(async move {
                publish(&mut publisher, &topics, &mut Payload::new(number, length), each, 256)
                    .await?;
                Ok(publisher)
            });
        }
        let peak = Rc::new(Cell::new(rest));
        let _kept = tokio::select! {
            done = all(tasks) => done?,
            error = watch(server, &peak) => return Err(error),
        };
        let mut draining = JoinSet::new();
        for client in stalled {
            draining.spawn_local(async move { Ok(drains(client, total).await) });
        }
        let dropped = all(draining).await?.into_iter().filter(|got_all| !got_all).count();
        let above = peak.get().saturating_sub(rest) as f64 / 1024.0 / 1024.0;
        Ok(Figures::from([(Metric::Peak, above), (Metric::Dropped, dropped as f64)]))
    }
}

/// Records the highest reading until the server has ended.
async fn watch(server: &Server, peak: &Cell<u64>) -> anyhow::Error {
    loop {
        match server.processes.memory() {
            Ok(now) => peak.set(peak.get().max(now)),
            Err(error) => return error,
        }
        sleep(LOOK).await;
    }
}

/// Whether the client gets everything once it reads. A server may lose messages without telling.
async fn drains(mut client: Client, total: u64) -> bool {
    timeout(DRAINING, receive(&mut client, total, |_| ()))
        .await
        .is_ok_and(|received| received.is_ok())
}
