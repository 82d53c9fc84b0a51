//! Mutation testing: changes the code in one place at a time and runs the library tests, which
//! include the simulation. A change that no test notices is printed.
//!
//! `.cargo/mutants.toml` says how a change is tested. Not part of `cargo xtask test`: the library
//! tests run once for each of some thousand changes.

use anyhow::Result;

use crate::{process, setup, workspace};

/// The files that are changed if the arguments name no others.
const FILES: [&str; 11] = [
    "websocket/src/**/*.rs",
    "hub/src/**/*.rs",
    "server/src/dedup/**/*.rs",
    "server/src/session/**/*.rs",
    "server/src/access/**/*.rs",
    "server/src/auth/**/*.rs",
    "server/src/connection/**/*.rs",
    "server/src/registry/**/*.rs",
    "server/src/transport/**/*.rs",
    "server/src/socket/**/*.rs",
    "server/src/sequencer/**/*.rs",
];

/// The crates whose library tests include those of their dependents: the simulation is in the
/// last one.
const TESTS: &str = "micro-socket-websocket,micro-socket-hub,micro-socket";

/// Runs `cargo mutants` with further arguments. Unless `with_simulation`, a change is tested with
/// its own crate only.
///
/// # Errors
/// If cargo-mutants cannot be installed, or a change was not noticed.
pub(crate) fn run(with_simulation: bool, arguments: &[String]) -> Result<()> {
    setup::cargo_mutants()?;
    process::announce("mutants");
    let mut mutants = workspace::cargo(["mutants", "--output"]);
    mutants.arg(workspace::target());
    if setup::has_nextest() {
        mutants.args(["--test-tool", "nextest"]);
    }
    if with_simulation {
        mutants.args(["--test-package", TESTS]);
    }
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("--file") || argument.starts_with("-f"))
    {
        mutants.args(FILES.iter().flat_map(|file| ["--file", file]));
    }
    process::run(mutants.args(arguments))
}
