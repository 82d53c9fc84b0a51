//! `cargo run --release -p bench -- ADDR --pid PID …`: fan-out load against a running gateway, or anything that speaks the
//! same protocol. Prints the server's CPU time per delivery, read from its process, so that neither this program nor the
//! machine's other work counts. Every subscriber checks every number: a gap, a repeat or a change of order ends the run.

mod client;
mod cpu;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use client::{Client, Kind};
use std::{
    net::SocketAddr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::{sync::Barrier, task::LocalSet};

/// Fan-out load.
#[derive(Parser, Clone, Debug)]
struct Options {
    /// Where the server listens.
    server: SocketAddr,
    /// The server's process, for its CPU time.
    #[arg(long)]
    pid: u32,
    /// Connections that subscribe; with 0 each publisher subscribes to a topic of its own (ping-pong).
    #[arg(long, default_value_t = 1000)]
    subscribers: u64,
    /// Connections that publish to the one topic.
    #[arg(long, default_value_t = 1)]
    publishers: u64,
    /// Publishes of one publisher that wait for their acks.
    #[arg(long, default_value_t = 1)]
    in_flight: u64,
    /// Publishes in all.
    #[arg(long, default_value_t = 20_000)]
    messages: u64,
    /// Bytes of the payload.
    #[arg(long, default_value_t = 128)]
    payload: usize,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(options))
}

/// A topic of this run only, so that its numbers begin at 1.
fn topic(name: &str) -> String {
    format!("bench-{}-{name}", std::process::id())
}

async fn run(options: Options) -> Result<()> {
    let per_publisher = options.messages / options.publishers;
    let total = per_publisher * options.publishers;
    let options = Rc::new(options);
    let subscribed = Rc::new(Barrier::new((options.subscribers + options.publishers + 1) as usize));
    let delivered = Rc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..options.subscribers {
        let (options, subscribed, delivered) = (options.clone(), subscribed.clone(), delivered.clone());
        tasks.push(tokio::task::spawn_local(async move { subscribe(&options, &subscribed, &delivered, total).await.map(|()| Vec::new()) }));
    }
    for number in 0..options.publishers {
        let (options, subscribed, delivered) = (options.clone(), subscribed.clone(), delivered.clone());
        tasks.push(tokio::task::spawn_local(async move { publish(&options, number, &subscribed, &delivered, per_publisher).await }));
    }
    subscribed.wait().await;
    let (start, cpu) = (Instant::now(), cpu::of(options.pid)?);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let (wall, cpu) = (start.elapsed(), cpu::of(options.pid)? - cpu);
    report(&options, total, delivered.load(Relaxed), wall, cpu, latencies);
    Ok(())
}

fn report(options: &Options, published: u64, delivered: u64, wall: Duration, cpu: Duration, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    println!(
        "subscribers={} publishers={} in_flight={} published={published} delivered={delivered} wall_s={:.2} cpu_s={:.2} us_per_delivery={:.3} us_per_publish={:.2} ack_p50_ms={:.2} ack_p99_ms={:.2}",
        options.subscribers,
        options.publishers,
        options.in_flight,
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / delivered as f64,
        cpu.as_secs_f64() * 1e6 / published as f64,
        at(0.5),
        at(0.99),
    );
}

async fn subscribe(options: &Options, subscribed: &Barrier, delivered: &AtomicU64, total: u64) -> Result<()> {
    let mut client = Client::connect(options.server).await?;
    client.setup("subscriber", Some(&topic("shared"))).await?;
    subscribed.wait().await;
    let mut last = 0;
    while last < total {
        client
            .read(|frame| {
                if let Kind::Message(seq_no) = frame {
                    ensure!(seq_no == last + 1, "message {seq_no} behind {last}");
                    last = seq_no;
                    delivered.fetch_add(1, Relaxed);
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Publishes with `in_flight` publishes out; gives the time from each publish to its ack.
async fn publish(options: &Options, number: u64, subscribed: &Barrier, delivered: &AtomicU64, total: u64) -> Result<Vec<Duration>> {
    let ping_pong = options.subscribers == 0;
    let topic = if ping_pong { topic(&number.to_string()) } else { topic("shared") };
    let mut client = Client::connect(options.server).await?;
    client.setup(&format!("publisher-{number}"), ping_pong.then_some(&*topic)).await?;
    subscribed.wait().await;
    let payload = format!("\"{}\"", "x".repeat(options.payload.saturating_sub(2)));
    let (mut sent, mut acked, mut received) = (0, 0, 0);
    let (mut times, mut latencies) = (std::collections::VecDeque::new(), Vec::new());
    let run = std::process::id();
    while acked < total || (ping_pong && received < total) {
        let before = sent;
        let answered = if ping_pong { acked.min(received) } else { acked };
        while sent < total && sent - answered < options.in_flight {
            sent += 1;
            client.queue(&format!(r#"{{"type":"publish","topic":"{topic}","messageId":"{run}-{sent}","payload":{payload}}}"#));
        }
        times.extend(std::iter::repeat_n(Instant::now(), (sent - before) as usize));
        client.send().await?;
        client
            .read(|frame| {
                match frame {
                    Kind::Ack => {
                        acked += 1;
                        latencies.extend(times.pop_front().map(|sent: Instant| sent.elapsed()));
                    }
                    Kind::Message(seq_no) => {
                        received += 1;
                        ensure!(seq_no == received, "message {seq_no} where {received} was due");
                        delivered.fetch_add(1, Relaxed);
                    }
                    Kind::Other => {}
                }
                Ok(())
            })
            .await
            .context("the publisher")?;
    }
    Ok(latencies)
}
