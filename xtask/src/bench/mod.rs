//! `cargo xtask bench`: builds the gateway, the load generator and the peers, brings in what the machine lacks, and runs the
//! comparison of `bench/`.

mod peers;

use std::{path::PathBuf, process::Command};

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
    process::run(program(Profile::Release).arg("--output").arg(workspace::root().join("bench")).args(arguments))
}

/// A little of every row, with debug builds and without peers: shows within two minutes that all of it works. The report goes
/// to the target folder, for its figures mean nothing.
///
/// # Errors
/// When something does not build or cannot be started. Whether a row failed is for the caller to see.
pub(crate) fn quick(arguments: &[String]) -> Result<(std::process::ExitStatus, Vec<String>)> {
    server::build(Profile::Dev)?;
    process::run(&mut workspace::cargo(["build", "--package", "bench"]))?;
    process::watch(program(Profile::Dev).arg("--output").arg(work()).arg("--quick").args(arguments))
}

fn program(profile: Profile) -> Command {
    let gateway = server::binary(profile);
    let mut bench = Command::new(gateway.with_file_name(format!("bench{}", std::env::consts::EXE_SUFFIX)));
    bench.arg("--gateway").arg(gateway).arg("--scripts").arg(scripts()).arg("--work").arg(work());
    bench
}

fn work() -> PathBuf {
    workspace::target().join("bench")
}

/// Where the peers in JavaScript are run.
fn scripts() -> PathBuf {
    work().join("npm")
}
