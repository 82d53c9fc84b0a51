//! The gateway itself, with its default configuration: history, sessions, deduplication and metrics
//! are on.

use super::{Certificate, Environment, Unavailable, file, version};
use std::{net::SocketAddr, path::Path, process::Command};

pub(super) fn command(
    program: &Path,
    address: SocketAddr,
    workers: u8,
    tls: Option<&Certificate>,
) -> Result<Command, Unavailable> {
    let mut command = Command::new(file(program.to_path_buf(), "the binary")?);
    command.args(["--listen", &address.to_string()]);
    command.env("TOKIO_WORKER_THREADS", workers.to_string()).env("MICRO_SOCKET_LOG__LEVEL", "warn");
    if let Some(files) = tls {
        command
            .env("MICRO_SOCKET_TLS__CERT_FILE", &files.certificate)
            .env("MICRO_SOCKET_TLS__KEY_FILE", &files.key);
    }
    Ok(command)
}

/// Makes it one of the gateways that share the NATS server at `nats`.
pub(super) fn share(command: &mut Command, nats: SocketAddr) {
    command
        .env("MICRO_SOCKET_BACKBONE__KIND", "nats")
        .env("MICRO_SOCKET_BACKBONE__URL", format!("nats://{nats}"));
}

pub(super) fn description(environment: &Environment, how: &str) -> String {
    format!("{}, {how}, default configuration", version(&environment.gateway, "--version"))
}
