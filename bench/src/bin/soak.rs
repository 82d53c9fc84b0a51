//! `cargo xtask soak` builds the gateway and runs this.

use anyhow::{Result, ensure};
use bench::{
    side::{Certificate, Environment},
    soak::{self, Options, Outcome},
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
    let Arguments { gateway, work, minutes, seconds, seed, rate, report } = Arguments::parse();
    bench::open_files()?;
    fs::create_dir_all(&work)?;
    let certificate = Certificate::generate(&work)?;
    let environment = Environment {
        gateway,
        beside: None,
        programs: work.clone(),
        scripts: work.clone(),
        work,
        certificate,
    };
    let time = Duration::try_from_secs_f64(seconds.unwrap_or(minutes * 60.0))?;
    let outcome = soak::run(&environment, Options { time, seed, rate })?;
    let Outcome { violations, report: text } = outcome;
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
