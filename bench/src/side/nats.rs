//! A NATS server from the system's package, without JetStream, over TCP or WebSocket.

use super::{Environment, Unavailable, installed, server::free_address, version};
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

/// The transport of the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    WebSocket,
}

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
    carrier: Carrier,
) -> Result<Command, Unavailable> {
    let program = program()?;
    let config = environment.work.join(format!("nats-{}.conf", address.port()));
    config_for(address, carrier)
        .and_then(|text| Ok(fs::write(&config, text)?))
        .map_err(|error| Unavailable(format!("no configuration for nats-server: {error:#}")))?;
    let mut command = Command::new(program);
    command.arg("--config").arg(config).env("GOMAXPROCS", "2");
    Ok(command)
}

fn config_for(address: SocketAddr, carrier: Carrier) -> anyhow::Result<String> {
    Ok(match carrier {
        Carrier::Tcp => format!("listen: \"{address}\"\n"),
        Carrier::WebSocket => {
            let tcp = free_address()?;
            format!("listen: \"{tcp}\"\nwebsocket {{ listen: \"{address}\", no_tls: true }}\n")
        }
    })
}

fn program() -> Result<PathBuf, Unavailable> {
    installed(
        &["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"],
        "nats-server",
    )
}

pub(super) fn description() -> String {
    let version = program().map(|program| version(&program, "--version")).unwrap_or_default();
    format!(
        "{version}, core NATS in its own protocol, a PING behind each PUB as its ack; GOMAXPROCS=2"
    )
}
