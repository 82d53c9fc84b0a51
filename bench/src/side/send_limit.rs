//! The program `send-limit` of this package.

use super::{Environment, Unavailable, file};
use std::{net::SocketAddr, process::Command};

pub(super) const DESCRIPTION: &str = "no server: an epoll loop on one thread that makes one send(2) of a prepared frame for each subscriber and read; no JSON, no limits";

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
) -> Result<Command, Unavailable> {
    let mut command =
        Command::new(file(environment.programs.join("send-limit"), "the program send-limit")?);
    command.arg(address.to_string());
    Ok(command)
}
