//! Elysia on Bun: `peers/npm/elysia.ts`.

use super::{Environment, Unavailable, file, node_ws::package_version, version};
use std::{net::SocketAddr, path::PathBuf, process::Command};

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
) -> Result<Command, Unavailable> {
    file(environment.scripts.join("node_modules/elysia"), "the npm package elysia")?;
    let mut command = Command::new(bun(environment)?);
    command
        .arg(environment.scripts.join("elysia.ts"))
        .arg(address.port().to_string())
        .env("NODE_ENV", "production");
    Ok(command)
}

/// The path of the binary: npm's wrapper would be one more process.
fn bun(environment: &Environment) -> Result<PathBuf, Unavailable> {
    file(environment.scripts.join("node_modules/bun/bin/bun.exe"), "the npm package bun")
}

pub(super) fn description(environment: &Environment) -> String {
    let bun = bun(environment).map(|bun| version(&bun, "--version")).unwrap_or_default();
    format!(
        "elysia {} on Bun {bun}, native publish (uWebSockets); one thread",
        package_version(environment, "elysia")
    )
}
