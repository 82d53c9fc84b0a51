//! Socket.IO with its adapter for Redis streams: `peers/npm/socket-io.mjs`.

use super::{
    Environment, Unavailable, file,
    node_ws::{node_version, package_version, script},
};
use std::{net::SocketAddr, process::Command};

const ADAPTER: &str = "@socket.io/redis-streams-adapter";

/// One of the servers that share the Redis server at `redis`.
pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
    redis: SocketAddr,
) -> Result<Command, Unavailable> {
    file(environment.scripts.join("node_modules").join(ADAPTER), "the npm package of the adapter")?;
    let mut command = script(environment, "socket-io.mjs", "socket.io")?;
    command.args([address.port().to_string(), redis.port().to_string()]);
    Ok(command)
}

pub(super) fn description(environment: &Environment) -> String {
    format!(
        "socket.io {} with {ADAPTER} {} on Node {}, one thread each; its defaults: no connection state recovery, an ack does not wait for Redis",
        package_version(environment, "socket.io"),
        package_version(environment, ADAPTER),
        node_version()
    )
}
