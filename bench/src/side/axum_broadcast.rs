//! The program `axum-broadcast` of `peers/axum-broadcast`.

use super::{Environment, Unavailable, file};
use std::{net::SocketAddr, process::Command};

pub(super) const DESCRIPTION: &str = "axum's WebSocketUpgrade and tokio's broadcast channel, a task for each direction of a connection, built as the gateway is; 2 worker threads";

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
) -> Result<Command, Unavailable> {
    let mut command = Command::new(file(
        environment.programs.join("axum-broadcast"),
        "the program axum-broadcast",
    )?);
    command.arg(address.to_string()).env("TOKIO_WORKER_THREADS", "2");
    Ok(command)
}
