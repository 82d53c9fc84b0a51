//! The stages of `cargo xtask test`. Each runs to its end even if others failed; the last line
//! counts all tests.

mod alerts;
mod bench;
mod browser;
mod deploy;
mod documents;
mod rust;
mod tally;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::process;
use tally::Tally;

/// A part of the tests that runs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The formatting of the code.
    Fmt,
    /// Clippy with warnings as errors; the page also for the browser.
    Clippy,
    /// Unit, property and black-box tests, and the examples in the documentation.
    Rust,
    /// The crates that the page shares with the server, compiled to WebAssembly.
    Wasm,
    /// The OpenAPI and AsyncAPI documents, against Redocly and Spectral.
    Documents,
    /// The compose file and the Kubernetes manifests, by docker compose and Kubernetes' schema.
    Deploy,
    /// The alerts for Prometheus, by promtool.
    Alerts,
    /// The page in a browser, against a server.
    Browser,
    /// A short run of every row of the benchmarks: no message is lost or out of order. Says nothing
    /// about speed.
    Bench,
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, arguments: &[String]) -> Result<Tally> {
        match self {
            Self::Fmt => rust::fmt(arguments),
            Self::Clippy => rust::clippy(arguments),
            Self::Rust => rust::native(arguments),
            Self::Wasm => rust::wasm(arguments),
            Self::Documents => documents::run(arguments),
            Self::Deploy => deploy::run(arguments),
            Self::Alerts => alerts::run(arguments),
            Self::Browser => browser::run(arguments),
            Self::Bench => bench::run(arguments),
        }
    }
}

/// Runs one stage, or all.
///
/// # Errors
/// If anything failed.
pub(crate) fn run(stage: Option<Stage>, arguments: &[String]) -> Result<()> {
    let stages = stage.as_ref().map_or(Stage::value_variants(), std::slice::from_ref);
    let mut total = Tally::default();
    let mut lines = Vec::new();
    for stage in stages {
        let (tally, time) = timed(*stage, arguments);
        lines.push(format!("{:<9} {tally}, {:.0} s", stage.name(), time.as_secs_f64()));
        total = total + tally;
    }
    process::announce("summary");
    for line in lines {
        println!("{line}");
    }
    println!("{total}");
    ensure!(total.failed == 0, "the tests failed");
    Ok(())
}

/// Runs a stage; returns its counts and its duration. A stage that could not be completed counts as
/// a failure.
fn timed(stage: Stage, arguments: &[String]) -> (Tally, Duration) {
    process::announce(&format!("test {}", stage.name()));
    let start = Instant::now();
    let tally = stage.run(arguments).unwrap_or_else(|error| {
        println!("{}: {error:#}", stage.name());
        Tally::FAILURE
    });
    (tally, start.elapsed())
}
