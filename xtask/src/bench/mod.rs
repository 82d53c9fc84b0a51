//! `cargo xtask bench` and `cargo xtask soak`: build the gateway, the load generator and the peers,
//! install what is missing, and run the programs of `bench/`.

mod peers;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::Result;

use crate::{
    page, process,
    server::{self, Profile},
    setup, workspace,
};

/// The packages with the load generator and the peers in Rust.
const PACKAGES: [&str; 4] = ["--package", "bench", "--package", "axum-broadcast"];

/// The whole comparison, with release builds; its report goes to `bench/`.
///
/// # Errors
/// If something does not build, or the gateway fails a row.
pub(crate) fn full(arguments: &[String]) -> Result<()> {
    page::build()?;
    server::build(Profile::Release)?;
    process::announce("load generator and peers");
    process::run(workspace::cargo(["build", "--release"]).args(PACKAGES))?;
    let nats = setup::nats_server()?;
    peers::install(&scripts());
    process::run(
        program(Profile::Release, &nats)
            .arg("--output")
            .arg(workspace::root().join("bench"))
            .args(arguments),
    )
}

/// The faults of the fleet, each about once, with the debug builds.
const QUICK_FLEET: [&str; 2] = ["--seconds", "120"];

/// For a debug build on a machine that has other things to do.
const QUICK_SOAK: [&str; 4] = ["--seconds", "10", "--rate", "0.15"];

/// How long the gateway is under load.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Time {
    /// Minutes under load; by default 20.
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

/// A short run of every row, with debug builds and without peers: shows within two minutes that all
/// rows work. The report goes to the target folder, because its figures mean nothing.
///
/// # Errors
/// If something does not build or cannot be started. A failed row is no error: the caller reads
/// it from the output.
pub(crate) fn quick(arguments: &[String]) -> Result<(ExitStatus, Vec<String>)> {
    let nats = setup::nats_server()?;
    server::build(Profile::Dev)?;
    process::run(&mut workspace::cargo(["build", "--package", "bench"]))?;
    process::watch(
        program(Profile::Dev, &nats).arg("--output").arg(work()).arg("--quick").args(arguments),
    )
}

/// Puts a gateway under load for a long time, or breaks the parts of a fleet, with release builds.
///
/// # Errors
/// If something does not build, or a guarantee was broken.
pub(crate) fn soak(time: Time, fleet: bool, report: bool, arguments: &[String]) -> Result<()> {
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
    if fleet {
        soak.arg("--fleet").arg(setup::nats_server()?);
    }
    if report {
        let file = if fleet { "bench/FLEET_SOAK.md" } else { "bench/SOAK.md" };
        soak.arg("--report").arg(workspace::root().join(file));
    }
    process::run(&mut soak)
}

/// Some seconds of the soak, with the debug builds that the quick run has made.
///
/// # Errors
/// If it cannot be started. A failed soak is no error: the caller reads it from the output.
pub(crate) fn quick_soak() -> Result<(ExitStatus, Vec<String>)> {
    process::watch(soak_program(Profile::Dev).args(QUICK_SOAK))
}

/// A fleet whose parts break for a short time, with the same builds.
///
/// # Errors
/// If it cannot be started. A broken guarantee is no error: the caller reads it from the output.
pub(crate) fn quick_fleet() -> Result<(ExitStatus, Vec<String>)> {
    let nats = setup::nats_server()?;
    process::watch(soak_program(Profile::Dev).arg("--fleet").arg(nats).args(QUICK_FLEET))
}

fn program(profile: Profile, nats: &Path) -> Command {
    let mut bench = binary(profile, "bench");
    bench.arg("--scripts").arg(scripts()).arg("--nats").arg(nats);
    bench
}

fn soak_program(profile: Profile) -> Command {
    binary(profile, "soak")
}

/// One of the load generator's programs, with the gateway's path as an argument.
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

/// The folder from which the peers in JavaScript are run.
fn scripts() -> PathBuf {
    work().join("npm")
}
