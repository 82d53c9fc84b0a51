//! The memory of a connection at rest: set up, subscribed to a topic, and silent.

use super::{
    SETTLING,
    crowd::{Names, connect},
};
use crate::{
    figure::{Figures, Metric},
    side::Server,
};
use anyhow::Result;
use tokio::time::sleep;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct IdleMemory {
    /// Connections before the first reading, because the first ones make the server allocate memory
    /// of its own.
    pub before: usize,
    /// Connections between the readings.
    pub connections: usize,
}

impl IdleMemory {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let names = Names::new();
        let role = names.subscriber(vec![names.topic(0)]);
        let _first = connect(server, &role, self.before).await?;
        sleep(SETTLING).await;
        let before = server.processes.memory()?;
        let _others = connect(server, &role, self.connections).await?;
        sleep(SETTLING).await;
        let grown = server.processes.memory()?.saturating_sub(before);
        Ok(Figures::from([(
            Metric::PerConnection,
            grown as f64 / 1024.0 / self.connections as f64,
        )]))
    }
}
