//! `cargo xtask soak` builds the gateway and runs this.

use anyhow::{Result, ensure};
use bench::{
    fleet,
    side::{Certificate, Environment},
    soak::{self, Options},
};
use clap::Parser;
use std::{fs, path::PathBuf, time::Duration};

/// Puts a gateway under load for a long time, and checks that it keeps its guarantees and releases
/// everything.
#[derive(Parser, Debug)]
struct Arguments {
    /// The gateway's binary.
    #[arg(long)]
    gateway: PathBuf,
    /// A folder for logs and configurations.
    #[arg(long)]
    work: PathBuf,
    /// Minutes under load.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// Seconds under load, instead of minutes.
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<f64>,
    /// The seed of the random numbers: the same seed gives the same clients.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The clients' rate, up to 2: twice the normal one.
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    rate: f64,
    /// Several gateways on NATS, whose parts break, instead of one gateway: by this NATS server.
    #[arg(long, value_name = "NATS SERVER", conflicts_with = "rate")]
    fleet: Option<PathBuf>,
    /// A file for the report.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Above 2, steady publishers would come close to what one connection may publish.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().map_err(|error| error.to_string())?;
    if rate > 0.0 && rate <= 2.0 { Ok(rate) } else { Err("a number above 0, at most 2".to_owned()) }
}

fn main() -> Result<()> {
    let Arguments { gateway, work, minutes, seconds, seed, rate, fleet, report } =
        Arguments::parse();
    bench::open_files()?;
    fs::create_dir_all(&work)?;
    let time = Duration::try_from_secs_f64(seconds.unwrap_or(minutes * 60.0))?;
    let (violations, text) = match fleet {
        Some(nats) => {
            let outcome = fleet::run(&fleet::Options { gateway, nats, work, time, seed })?;
            (outcome.violations, outcome.report)
        }
        None => one_gateway(gateway, work, Options { time, seed, rate })?,
    };
    println!("\n{text}");
    if let Some(file) = report {
        fs::write(&file, text)?;
        println!("{}", file.display());
    }
    let failed = usize::from(!violations.is_empty());
    // In cargo's format, which `cargo xtask test` counts.
    println!("test result: {} passed; {failed} failed", 1 - failed);
    ensure!(violations.is_empty(), "{} violations", violations.len());
    Ok(())
}

fn one_gateway(gateway: PathBuf, work: PathBuf, options: Options) -> Result<(Vec<String>, String)> {
    let certificate = Certificate::generate(&work)?;
    let environment = Environment {
        gateway,
        beside: None,
        nats: None,
        programs: work.clone(),
        scripts: work.clone(),
        work,
        certificate,
    };
    let outcome = soak::run(&environment, options)?;
    Ok((outcome.violations, outcome.report))
}
