//! As many connections as the machine's descriptors allow, on several gateways that share a NATS
//! server: the memory of a connection, and the CPU and time of one message to all of them. The
//! clients of each gateway are a process of their own, because a process may open only so many
//! descriptors; each client checks every message.

pub mod clients;
mod crew;

use crate::{
    client::Client,
    measure::spread::Spread,
    side::{Environment, Server, Side},
    wire::{Role, payload::Payload},
};
use anyhow::{Context, Result};
use crew::Crew;
use std::{
    fmt::Write,
    thread::sleep,
    time::{Duration, Instant},
};

/// The topic that all clients subscribe to; the stream's number comes last, after a dot.
const TOPIC: &str = "capacity.0";
/// Connections of each gateway before the first reading of its memory.
const BEFORE: usize = 500;
/// The time to release temporary memory before it is read.
const SETTLING: Duration = Duration::from_secs(2);
/// The time between two messages.
const PAUSE: Duration = Duration::from_millis(500);
const PAYLOAD: usize = 128;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Gateways.
    pub gateways: u8,
    /// Connections of each gateway, more than 500.
    pub connections: usize,
    /// Messages to all.
    pub messages: u64,
}

/// One message to all.
struct Reading {
    gateways: Duration,
    broker: Duration,
    time: Duration,
}

/// One of a reading's figures.
type Of = fn(&Reading) -> Duration;

/// Opens the connections, publishes, and returns a report in Markdown.
///
/// # Errors
/// If a program cannot be started, a connection is refused, or a client has lost a message.
pub fn run(environment: &Environment, options: Options) -> Result<String> {
    let side = Side::Fleet { gateways: options.gateways };
    let server = Server::start(side, environment, &[])?;
    let crews = (0..options.gateways.into())
        .map(|gateway| Crew::start(server.target_of(gateway).address, options.connections))
        .collect::<Result<Vec<_>>>()?;
    crews.iter().try_for_each(|crew| crew.expect(clients::SOME))?;
    sleep(SETTLING);
    let before = server.processes.memory()?;
    let begun = Instant::now();
    let mut crews = crews;
    crews.iter_mut().try_for_each(Crew::go_on)?;
    crews.iter().try_for_each(|crew| crew.expect(clients::ALL))?;
    let connecting = begun.elapsed();
    sleep(SETTLING);
    let grown = server.processes.memory()?.saturating_sub(before);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let role = Role { user: "publisher".to_owned(), ..Role::default() };
    let mut publisher = runtime.block_on(Client::open(&server.target, &role))?;
    let mut payload = Payload::new(0, PAYLOAD);
    let mut readings = Vec::new();
    for number in 1..=options.messages {
        sleep(PAUSE);
        let broker = &server.broker().context("a fleet has a broker")?.processes;
        let (gateways_before, broker_before) = (server.processes.cpu()?, broker.cpu()?);
        payload.next();
        publisher.publish(TOPIC, &payload);
        let sent = Instant::now();
        runtime.block_on(async {
            publisher.send().await?;
            publisher.wait_for(1).await
        })?;
        crews.iter().try_for_each(|crew| crew.expect(&number.to_string()))?;
        readings.push(Reading {
            time: sent.elapsed(),
            gateways: server.processes.cpu()? - gateways_before,
            broker: broker.cpu()? - broker_before,
        });
    }
    let more = (options.connections - BEFORE) * usize::from(options.gateways);
    let memory = grown as f64 / 1024.0 / more as f64;
    Ok(report(options, memory, connecting, &readings))
}

fn report(options: Options, memory: f64, connecting: Duration, readings: &[Reading]) -> String {
    let all = options.connections * usize::from(options.gateways);
    let mut text = format!(
        "{all} connections on {} gateways and one NATS server, {} messages of {PAYLOAD} bytes, each to all of them.\n\n| figure | median | lowest … highest |\n|---|---:|---:|\n| memory of the gateways per connection, KiB | {memory:.2} | |\n| time to connect and subscribe, s | {:.1} | |\n",
        options.gateways,
        options.messages,
        connecting.as_secs_f64()
    );
    let figures: [(&str, Of); 3] = [
        ("CPU of the gateways for one message to all, s", |reading| reading.gateways),
        ("CPU of the NATS server for it, s", |reading| reading.broker),
        ("time from the publish until all clients have it, s", |reading| reading.time),
    ];
    for (name, of) in figures {
        let spread = Spread::of(readings.iter().map(|reading| of(reading).as_secs_f64()));
        if let Some(Spread { low, median, high }) = spread {
            let _ = writeln!(text, "| {name} | {median:.3} | {low:.3} … {high:.3} |");
        }
    }
    text + "| messages lost, repeated or out of order | 0 | |\n"
}
