//! The sides of a comparison: the servers, how each is started, and the protocol it speaks.

mod axum_broadcast;
pub mod broker;
mod certificate;
mod elysia;
mod gateway;
mod nats;
mod nchan;
mod node_ws;
mod send_limit;
mod server;
mod socket_io;
mod ws_nats;

use crate::wire::Protocol;
pub use certificate::Certificate;
pub(crate) use server::free_address;
pub use server::{Server, Target};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A server in a certain configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The gateway on this number of worker threads.
    Gateway {
        /// The number of worker threads.
        workers: u8,
    },
    /// The gateway with TLS, two worker threads.
    GatewayTls,
    /// Another program that is started like the gateway, such as an earlier build.
    Beside {
        /// The number of worker threads.
        workers: u8,
    },
    /// No server, but the kernel's part of the work: one `send(2)` of a prepared frame for each
    /// subscriber and read.
    SendLimit,
    /// Elysia on Bun, with its native publish.
    Elysia,
    /// Node with `ws`.
    NodeWs,
    /// Node with `ws` and TLS.
    NodeWsTls,
    /// axum's WebSocket with tokio's broadcast channel.
    AxumBroadcast,
    /// NATS over TCP.
    Nats,
    /// NATS over WebSocket.
    NatsWebSocket,
    /// nginx with Nchan, one worker.
    Nchan,
    /// Gateways that share a NATS server, with two worker threads each.
    Fleet {
        /// The number of gateways.
        gateways: u8,
    },
    /// Socket.IO servers that share a Redis server.
    SocketIo {
        /// The number of servers.
        servers: u8,
    },
    /// Node with `ws`, servers that share a NATS server.
    WsNats {
        /// The number of servers.
        servers: u8,
    },
}

/// The gateway with its defaults on two cores.
pub const GATEWAY: Side = Side::Gateway { workers: 2 };
/// The gateway on one thread, like the peers in JavaScript.
pub const GATEWAY_1: Side = Side::Gateway { workers: 1 };
/// One gateway on a NATS server.
pub const FLEET_1: Side = Side::Fleet { gateways: 1 };
/// Three gateways on a NATS server.
pub const FLEET_3: Side = Side::Fleet { gateways: 3 };

/// The paths of programs and folders.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// A program to compare the gateway with; it takes the same command line and speaks the same
    /// protocol.
    pub beside: Option<PathBuf>,
    /// The NATS server that fleets share; without it, they cannot run.
    pub nats: Option<PathBuf>,
    /// The folder with the programs of this package.
    pub programs: PathBuf,
    /// The folder with the scripts of the peers in JavaScript and their packages.
    pub scripts: PathBuf,
    /// A folder to write to.
    pub work: PathBuf,
    /// The certificate of the sides with TLS.
    pub certificate: Certificate,
}

/// Why a side cannot run; for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Side {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway { workers: 1 } => "Micro Socket, 1 worker",
            Self::Gateway { .. } => "Micro Socket",
            Self::GatewayTls => "Micro Socket, TLS",
            Self::Beside { workers: 1 } => "beside it, 1 worker",
            Self::Beside { .. } => "beside it",
            Self::SendLimit => "send(2) limit",
            Self::Elysia => "Elysia on Bun",
            Self::NodeWs => "Node ws",
            Self::NodeWsTls => "Node ws, TLS",
            Self::AxumBroadcast => "axum + broadcast",
            Self::Nats => "NATS, TCP",
            Self::NatsWebSocket => "NATS, WebSocket",
            Self::Nchan => "Nchan",
            Self::Fleet { gateways: 1 } => "Micro Socket on NATS",
            Self::Fleet { gateways: 3 } => "3 × Micro Socket on NATS",
            Self::Fleet { .. } => "a fleet on NATS",
            Self::SocketIo { servers: 1 } => "Socket.IO on Redis",
            Self::SocketIo { servers: 3 } => "3 × Socket.IO on Redis",
            Self::SocketIo { .. } => "several Socket.IO on Redis",
            Self::WsNats { servers: 3 } => "3 × Node ws on NATS",
            Self::WsNats { .. } => "Node ws on NATS",
        }
    }

    /// What it is, with the installed versions.
    pub fn description(self, environment: &Environment) -> String {
        match self {
            Self::Gateway { workers } => {
                gateway::description(environment, &format!("{workers} worker thread(s)"))
            }
            Self::GatewayTls => gateway::description(environment, "2 worker threads, TLS"),
            Self::Beside { workers } => {
                format!("the program of --beside on {workers} worker thread(s)")
            }
            Self::SendLimit => send_limit::DESCRIPTION.to_owned(),
            Self::Elysia => elysia::description(environment),
            Self::NodeWs | Self::NodeWsTls => node_ws::description(environment),
            Self::AxumBroadcast => axum_broadcast::DESCRIPTION.to_owned(),
            Self::Nats | Self::NatsWebSocket => nats::description(),
            Self::Nchan => nchan::description(),
            Self::Fleet { gateways } => {
                let how = format!("{gateways} gateway(s), 2 worker threads each");
                format!("{}; {}", gateway::description(environment, &how), self.shares(environment))
            }
            Self::SocketIo { servers } => {
                let what = socket_io::description(environment);
                format!("{servers} server(s), {what}; {}", self.shares(environment))
            }
            Self::WsNats { servers } => {
                let what = ws_nats::description(environment);
                format!("{servers} server(s), {what}; {}", self.shares(environment))
            }
        }
    }

    /// Whether it is the gateway of this repository, whose failures fail the run.
    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::Gateway { .. } | Self::GatewayTls | Self::Fleet { .. })
    }

    /// The number of its servers.
    fn members(self) -> u8 {
        match self {
            Self::Fleet { gateways: members }
            | Self::SocketIo { servers: members }
            | Self::WsNats { servers: members } => members,
            _ => 1,
        }
    }

    /// What its servers share.
    fn broker(self) -> Option<broker::Kind> {
        match self {
            Self::Fleet { .. } | Self::WsNats { .. } => Some(broker::Kind::Nats),
            Self::SocketIo { .. } => Some(broker::Kind::Redis),
            _ => None,
        }
    }

    /// What its servers share, in words.
    fn shares(self, environment: &Environment) -> String {
        self.broker().map(|broker| broker.description(environment)).unwrap_or_default()
    }

    fn protocol(self) -> Protocol {
        match self {
            Self::Fleet { .. } => Protocol::Predecessors,
            Self::SocketIo { .. } => Protocol::SocketIo,
            Self::WsNats { .. } => Protocol::Unnumbered,
            Self::Nats => Protocol::Nats,
            Self::NatsWebSocket => Protocol::NatsWebSocket,
            Self::Nchan => Protocol::Nchan,
            _ => Protocol::Gateway,
        }
    }

    fn is_encrypted(self) -> bool {
        matches!(self, Self::GatewayTls | Self::NodeWsTls)
    }

    /// The command that starts one of its servers. `broker` is what they share.
    fn command(
        self,
        environment: &Environment,
        address: SocketAddr,
        broker: Option<SocketAddr>,
    ) -> Result<Command, Unavailable> {
        let shared = || broker.ok_or_else(|| Unavailable("no broker runs".to_owned()));
        match self {
            Self::Fleet { .. } => {
                let mut command = gateway::command(&environment.gateway, address, 2, None)?;
                gateway::share(&mut command, shared()?);
                Ok(command)
            }
            Self::SocketIo { .. } => socket_io::command(environment, address, shared()?),
            Self::WsNats { .. } => ws_nats::command(environment, address, shared()?),
            Self::Gateway { workers } => {
                gateway::command(&environment.gateway, address, workers, None)
            }
            Self::GatewayTls => {
                gateway::command(&environment.gateway, address, 2, Some(&environment.certificate))
            }
            Self::Beside { workers } => {
                let program = environment
                    .beside
                    .as_ref()
                    .ok_or_else(|| Unavailable("no program was given".to_owned()))?;
                gateway::command(program, address, workers, None)
            }
            Self::SendLimit => send_limit::command(environment, address),
            Self::Elysia => elysia::command(environment, address),
            Self::NodeWs => node_ws::command(environment, address, None),
            Self::NodeWsTls => {
                node_ws::command(environment, address, Some(&environment.certificate))
            }
            Self::AxumBroadcast => axum_broadcast::command(environment, address),
            Self::Nats => nats::command(environment, address, nats::Carrier::Tcp),
            Self::NatsWebSocket => nats::command(environment, address, nats::Carrier::WebSocket),
            Self::Nchan => nchan::command(environment, address),
        }
    }
}

/// The file, if it exists.
fn file(path: PathBuf, what: &str) -> Result<PathBuf, Unavailable> {
    if path.exists() {
        Ok(path)
    } else {
        Err(Unavailable(format!("{what} is not there ({})", path.display())))
    }
}

/// A program that is installed on the system.
fn installed(paths: &[&str], package: &str) -> Result<PathBuf, Unavailable> {
    let there = paths.iter().map(Path::new).find(|path| path.exists());
    there
        .map(Path::to_path_buf)
        .ok_or_else(|| Unavailable(format!("Debian's package {package} is not installed")))
}

/// The first line of the program's output for its version.
fn version(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    output
        .ok()
        .map(|output| [output.stdout, output.stderr].concat())
        .and_then(|text| Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned()))
        .unwrap_or_default()
}
