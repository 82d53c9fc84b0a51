//! The stages that run cargo.

use std::process::Command;

use anyhow::Result;

use super::Tally;
use crate::{process, setup, workspace};

/// Crates without native tests: the browser's entry point, the program of one of these stages, and
/// a peer of the benchmarks, whose features would make cargo build axum and its dependents once
/// more.
const NOT_NATIVE: [&str; 6] = [
    "--exclude",
    "micro-socket-frontend",
    "--exclude",
    "wasm-test-runner",
    "--exclude",
    "axum-broadcast",
];

pub(super) fn fmt(arguments: &[String]) -> Result<Tally> {
    process::run(workspace::cargo(["fmt", "--all", "--check"]).args(arguments))?;
    Ok(Tally::SUCCESS)
}

/// Checks both halves, even if the first fails.
pub(super) fn clippy(arguments: &[String]) -> Result<Tally> {
    setup::wasm_target()?;
    let mut native = workspace::cargo([
        "clippy",
        "--workspace",
        "--exclude",
        "micro-socket-frontend",
        "--all-targets",
    ]);
    let mut browser = workspace::cargo([
        "clippy",
        "--package",
        "micro-socket-frontend",
        "--package",
        "micro-socket-app",
    ]);
    browser.args(["--features", "micro-socket-app/hydrate", "--target", workspace::WASM]);
    let clean = |clippy: &mut Command| -> Result<Tally> {
        let (status, _) =
            process::watch(clippy.args(arguments).args(["--", "--deny", "warnings"]))?;
        Ok(if status.success() { Tally::SUCCESS } else { Tally::FAILURE })
    };
    Ok(clean(&mut native)? + clean(&mut browser)?)
}

/// Uses nextest if it is installed, which runs each test in a process of its own and several at
/// once. With a filter, the documentation's examples are left out.
pub(super) fn native(arguments: &[String]) -> Result<Tally> {
    setup::valgrind()?;
    setup::proxies()?;
    setup::log_servers()?;
    setup::redis_server()?;
    let tests = if setup::has_nextest() {
        test(
            workspace::cargo(["nextest", "run", "--workspace", "--no-fail-fast"])
                .args(NOT_NATIVE)
                .args(arguments),
        )?
    } else {
        let mut cargo =
            workspace::cargo(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
        test(cargo.args(NOT_NATIVE).args(arguments))?
    };
    if !arguments.is_empty() {
        return Ok(tests);
    }
    let (status, lines) =
        process::watch(workspace::cargo(["test", "--workspace", "--doc"]).args(NOT_NATIVE))?;
    Ok(tests + Tally::of_any(status, &lines))
}

/// The crates' `wasm_bindgen_test`s, in Node.
pub(super) fn wasm(arguments: &[String]) -> Result<Tally> {
    setup::wasm_target()?;
    setup::node()?;
    process::run(&mut workspace::cargo(["build", "--package", "wasm-test-runner"]))?;
    let runner = workspace::target().join("debug/wasm-test-runner");
    test(
        workspace::cargo([
            "test",
            "--package",
            "micro-socket-protocol",
            "--target",
            workspace::WASM,
        ])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .args(["--lib", "--tests", "--no-fail-fast"])
        .args(arguments),
    )
}

fn test(command: &mut Command) -> Result<Tally> {
    let (status, lines) = process::watch(command)?;
    Ok(Tally::of(status, &lines))
}
