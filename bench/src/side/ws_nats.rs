//! Node with the package `ws`, over core NATS: `peers/npm/ws-nats.mjs`.

use super::{
    Environment, Unavailable, file,
    node_ws::{node_version, package_version, script},
};
use std::{net::SocketAddr, process::Command};

const CLIENT: &str = "@nats-io/transport-node";

/// One of the servers that share the NATS server at `nats`.
pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
    nats: SocketAddr,
) -> Result<Command, Unavailable> {
    file(environment.scripts.join("node_modules").join(CLIENT), "the npm package of NATS")?;
    let mut command = script(environment, "ws-nats.mjs", "ws")?;
    command.args([address.port().to_string(), nats.port().to_string()]);
    Ok(command)
}

pub(super) fn description(environment: &Environment) -> String {
    format!(
        "ws {} with {CLIENT} {} on Node {}, one thread each; core NATS: no history, no numbers, an ack does not wait for NATS",
        package_version(environment, "ws"),
        package_version(environment, CLIENT),
        node_version()
    )
}
