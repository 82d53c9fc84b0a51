//! `cargo xtask bench` builds the programs and runs this.

use anyhow::{Context, Result, ensure};
use bench::{
    plan::{self, Scale},
    report, run,
    side::{Certificate, Environment, Side},
};
use clap::Parser;
use std::{fs, path::PathBuf};

/// Compares the gateway with other servers, and writes a report.
#[derive(Parser, Debug)]
struct Options {
    /// The gateway's binary.
    #[arg(long)]
    gateway: PathBuf,
    /// The folder with the scripts of the peers in JavaScript and their packages.
    #[arg(long)]
    scripts: PathBuf,
    /// A folder for logs and configurations.
    #[arg(long)]
    work: PathBuf,
    /// The folder for the report.
    #[arg(long)]
    output: PathBuf,
    /// A short run of the gateway only: shows that all rows work.
    #[arg(long)]
    quick: bool,
    /// The number of measurements of each side.
    #[arg(long)]
    rounds: Option<usize>,
    /// A program to compare the gateway with as a side of its own, for instance an earlier build:
    /// it must take the gateway's command line and speak its protocol.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// The NATS server that the gateways of a fleet share.
    #[arg(long, value_name = "PROGRAM")]
    nats: Option<PathBuf>,
    /// Only these rows.
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// Only these sides, by the beginning of their names.
    #[arg(long = "side", value_name = "NAME")]
    sides: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    bench::open_files()?;
    fs::create_dir_all(&options.work)?;
    let programs =
        std::env::current_exe()?.parent().context("this program is in no folder")?.to_path_buf();
    let environment = Environment {
        gateway: options.gateway,
        beside: options.beside,
        nats: options.nats,
        programs,
        scripts: options.scripts,
        certificate: Certificate::generate(&options.work)?,
        work: options.work,
    };
    let scale = if options.quick { Scale::Quick } else { Scale::Full };
    let mut rows = chosen(plan::rows(scale), &options.rows)?;
    if environment.beside.is_some() {
        rows.iter_mut().for_each(plan::Row::beside);
    }
    if !options.sides.is_empty() {
        let is_chosen =
            |side: &Side| options.sides.iter().any(|name| side.name().starts_with(name));
        rows.iter_mut().for_each(|row| row.sides.retain(is_chosen));
    }
    let rounds = options.rounds.unwrap_or(scale.rounds());
    let mut results = Vec::new();
    for row in &rows {
        results.push(run::row(row, &environment, rounds));
        // After each row, so that a run that is stopped leaves the rows that it has finished.
        report::write(&options.output, &results, &environment, scale, rounds)?;
    }
    let failed = report::failed(&results);
    println!("\n{}", options.output.join("REPORT.md").display());
    // In cargo's format, which `cargo xtask test` counts.
    println!("test result: {} passed; {failed} failed", results.len() - failed);
    ensure!(failed == 0, "the gateway failed {failed} rows");
    Ok(())
}

fn chosen(rows: Vec<plan::Row>, names: &[String]) -> Result<Vec<plan::Row>> {
    let known: Vec<_> = rows.iter().map(|row| row.name).collect();
    for name in names {
        ensure!(known.contains(&&**name), "no row {name}; there are {}", known.join(", "));
    }
    Ok(rows
        .into_iter()
        .filter(|row| names.is_empty() || names.iter().any(|name| name == row.name))
        .collect())
}
