//! `cargo xtask bench` and `cargo xtask soak`: build the gateway, the load generator and the peers,
//! bring in what the machine lacks, and run what is in `bench/`.

mod peers;

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
};

use anyhow::Result;

use crate::{
    page, process,
    server::{self, Profile},
    workspace,
};

/// The packages with the load generator and the peers in Rust.
const PACKAGES: [&str; 4] = ["--package", "bench", "--package", "axum-broadcast"];

/// The whole comparison, with release builds; its report goes to `bench/`.
///
/// # Errors
/// When something does not build, or the gateway fails a row.
pub(crate) fn full(arguments: &[String]) -> Result<()> {
    page::build()?;
    server::build(Profile::Release)?;
    process::announce("load generator and peers");
    process::run(workspace::cargo(["build", "--release"]).args(PACKAGES))?;
    peers::install(&scripts());
    process::run(
        program(Profile::Release)
            .arg("--output")
            .arg(workspace::root().join("bench"))
            .args(arguments),
    )
}

/// For a debug build on a machine that has other things to do.
const QUICK_SOAK: [&str; 4] = ["--seconds", "10", "--rate", "0.15"];

/// How long a gateway is under load.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Time {
    /// Minutes under load; 20 unless said.
    #[arg(long, conflicts_with = "seconds")]
    minutes: Option<f64>,
    /// The same in seconds.
    #[arg(long)]
    seconds: Option<f64>,
}

impl Time {
    fn arguments(self) -> Vec<String> {
        let options = [("--minutes", self.minutes), ("--seconds", self.seconds)];
        options
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]))
            .flatten()
            .collect()
    }
}

/// A little of every row, with debug builds and without peers: shows within two minutes that all of
/// it works. The report goes to the target folder, for its figures mean nothing.
///
/// # Errors
/// When something does not build or cannot be started. Whether a row failed is for the caller to
/// see.
pub(crate) fn quick(arguments: &[String]) -> Result<(ExitStatus, Vec<String>)> {
    server::build(Profile::Dev)?;
    process::run(&mut workspace::cargo(["build", "--package", "bench"]))?;
    process::watch(program(Profile::Dev).arg("--output").arg(work()).arg("--quick").args(arguments))
}

/// A gateway under load for long, with release builds.
///
/// # Errors
/// When something does not build, or the gateway did what it must not do.
pub(crate) fn soak(time: Time, report: bool, arguments: &[String]) -> Result<()> {
    page::build()?;
    server::build(Profile::Release)?;
    process::announce("clients");
    process::run(workspace::cargo(["build", "--release"]).args([
        "--package",
        "bench",
        "--bin",
        "soak",
    ]))?;
    let mut soak = soak_program(Profile::Release);
    soak.args(time.arguments()).args(arguments);
    if report {
        soak.arg("--report").arg(workspace::root().join("bench/SOAK.md"));
    }
    process::run(&mut soak)
}

/// Some seconds of it with debug builds, which are there.
///
/// # Errors
/// When it cannot be started. Whether it failed is for the caller to see.
pub(crate) fn quick_soak() -> Result<(ExitStatus, Vec<String>)> {
    process::watch(soak_program(Profile::Dev).args(QUICK_SOAK))
}

fn program(profile: Profile) -> Command {
    let mut bench = binary(profile, "bench");
    bench.arg("--scripts").arg(scripts());
    bench
}

fn soak_program(profile: Profile) -> Command {
    binary(profile, "soak")
}

/// One of the load generator's programs, told where the gateway is.
fn binary(profile: Profile, name: &str) -> Command {
    let gateway = server::binary(profile);
    let mut program =
        Command::new(gateway.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    program.arg("--gateway").arg(gateway).arg("--work").arg(work());
    program
}

fn work() -> PathBuf {
    workspace::target().join("bench")
}

/// Where the peers in JavaScript are run.
fn scripts() -> PathBuf {
    work().join("npm")
}
