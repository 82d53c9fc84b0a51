//! The clients of one gateway. They tell their progress by lines on standard output: [`SOME`],
//! [`ALL`], then each message's number when all clients have the message.

use super::{BEFORE, TOPIC};
use crate::{
    client::Client,
    side::Target,
    wire::{Event, Protocol, Role},
};
use anyhow::{Context, Result, ensure};
use std::{
    cell::RefCell,
    collections::HashMap,
    io::{Write, stdin, stdout},
    net::SocketAddr,
    rc::Rc,
};
use tokio::task::{JoinSet, LocalSet};

/// The first clients are subscribed; the others follow after a line on standard input.
pub const SOME: &str = "some";
/// All clients are subscribed.
pub const ALL: &str = "all";

/// Connections of one user: less than `limits.max_connections_per_user`.
const PER_USER: usize = 5000;

/// Opens the connections, and receives until this process is ended.
///
/// # Errors
/// If a connection is refused or closed, or has lost a message.
pub fn run(gateway: SocketAddr, connections: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(gateway, connections))
}

async fn serve(address: SocketAddr, connections: usize) -> Result<()> {
    let target = Target { address, protocol: Protocol::Predecessors, tls: None };
    let received = Rc::new(Received { of: connections, counts: RefCell::default() });
    let mut clients = JoinSet::new();
    for number in 0..connections {
        if number == BEFORE {
            say(SOME)?;
            // Blocks this runtime, on which nothing happens meanwhile.
            stdin().read_line(&mut String::new())?;
        }
        let role = Role {
            user: format!("user-{}", number / PER_USER),
            topics: vec![TOPIC.to_owned()],
            publishes: None,
        };
        let client = Client::open(&target, &role).await;
        let client = client.with_context(|| format!("connection {number} of {address}"))?;
        clients.spawn_local(receive(client, received.clone()));
    }
    say(ALL)?;
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(())
}

async fn receive(mut client: Client, received: Rc<Received>) -> Result<()> {
    let mut last = 0;
    loop {
        client
            .read(|event| {
                if let Event::Message { number, .. } = event {
                    ensure!(number == last + 1, "number {number} behind {last}");
                    last = number;
                    received.count(number)?;
                }
                Ok(())
            })
            .await?;
    }
}

/// The clients that have each message which not all have.
struct Received {
    of: usize,
    counts: RefCell<HashMap<u64, usize>>,
}

impl Received {
    fn count(&self, number: u64) -> Result<()> {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(number).or_default();
        *count += 1;
        if *count == self.of {
            counts.remove(&number);
            say(&number.to_string())?;
        }
        Ok(())
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
