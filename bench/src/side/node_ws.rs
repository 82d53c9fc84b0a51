//! Node with the package `ws`: `peers/npm/node-ws.mjs`.

use super::{Certificate, Environment, Unavailable, file, installed, version};
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
    tls: Option<&Certificate>,
) -> Result<Command, Unavailable> {
    let mut command = script(environment, "node-ws.mjs", "ws")?;
    command.arg(address.port().to_string());
    if let Some(files) = tls {
        command.arg(&files.certificate).arg(&files.key);
    }
    Ok(command)
}

/// Node with one of the scripts, which imports `package`.
pub(super) fn script(
    environment: &Environment,
    name: &str,
    package: &str,
) -> Result<Command, Unavailable> {
    file(
        environment.scripts.join("node_modules").join(package),
        &format!("the npm package {package}"),
    )?;
    let mut command = Command::new(node()?);
    command.arg(environment.scripts.join(name)).env("NODE_ENV", "production");
    Ok(command)
}

fn node() -> Result<PathBuf, Unavailable> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&folders)
        .map(|folder| folder.join("node"))
        .find(|file| file.exists());
    there.map_or_else(|| installed(&[], "nodejs"), Ok)
}

pub(super) fn description(environment: &Environment) -> String {
    format!("ws {} on Node {}; one thread", package_version(environment, "ws"), node_version())
}

pub(super) fn node_version() -> String {
    node().map(|node| version(&node, "--version")).unwrap_or_default()
}

/// The version in the package's own description.
pub(super) fn package_version(environment: &Environment, package: &str) -> String {
    let text = fs::read_to_string(
        environment.scripts.join("node_modules").join(package).join("package.json"),
    )
    .unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("\"version\": \""));
    line.map(|rest| rest.trim_end_matches(['"', ',']).to_owned()).unwrap_or_default()
}
