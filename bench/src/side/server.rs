//! A running side: one server, or several that share a broker.

use super::{Environment, Side, broker::Broker};
use crate::{measure::process::Processes, wire::Protocol};
use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio_rustls::rustls::ClientConfig;

/// How long a side may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a side may take to stop.
const GRACE: Duration = Duration::from_secs(3);
/// The time between two checks whether it answers, or has stopped.
const STEP: Duration = Duration::from_millis(1);

/// What a client needs to know about a server.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The protocol that it speaks.
    pub protocol: Protocol,
    /// With TLS: a client configuration that trusts its certificate.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A server's process, with those of the other members of its fleet; dropping it ends them.
#[derive(Debug)]
pub struct Server {
    /// The address for clients.
    pub target: Target,
    /// The time from the start of the program to its first answer.
    pub start: Duration,
    /// For the CPU time and memory of all members.
    pub processes: Processes,
    child: Child,
    /// The other members.
    others: Vec<Server>,
    /// What the members share. It is dropped after them.
    broker: Option<Broker>,
}

impl Server {
    /// Starts the side and waits until it answers. `settings` are environment variables.
    ///
    /// # Errors
    /// [`Unavailable`](super::Unavailable) if it is not installed; any other error if it does not
    /// start.
    pub fn start(side: Side, environment: &Environment, settings: &[(&str, &str)]) -> Result<Self> {
        let broker = side.broker().map(|kind| Broker::start(kind, environment)).transpose()?;
        let shared = broker.as_ref().map(|broker| broker.address);
        let mut first = Self::member(side, environment, settings, shared, 0)?;
        for index in 1..side.members() {
            let other = Self::member(side, environment, settings, shared, index)?;
            first.processes.join(&other.processes);
            first.others.push(other);
        }
        first.broker = broker;
        Ok(first)
    }

    /// Starts one member of the side, which shares the broker at `shared`.
    fn member(
        side: Side,
        environment: &Environment,
        settings: &[(&str, &str)],
        shared: Option<SocketAddr>,
        index: u8,
    ) -> Result<Self> {
        let address = free_address()?;
        let mut command = side.command(environment, address, shared)?;
        let logs = environment.work.join("logs");
        fs::create_dir_all(&logs)?;
        let log = logs.join(format!("{}-{index}.log", side.name().replace([' ', ','], "-")));
        let file = File::create(&log)?;
        command
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self {
            target: Target {
                address,
                protocol: side.protocol(),
                tls: side.is_encrypted().then(|| environment.certificate.client.clone()),
            },
            start: Duration::ZERO,
            processes: Processes::of(child.id())?,
            child,
            others: Vec::new(),
            broker: None,
        };
        while !server.answers() {
            let ended = server.child.try_wait()?;
            ensure!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "{} does not answer, see {}",
                side.name(),
                log.display()
            );
            thread::sleep(STEP);
        }
        server.start = started.elapsed();
        server.processes = Processes::of(server.child.id())?;
        Ok(server)
    }

    /// The member that serves the connection with this number: connections are spread evenly.
    pub fn target_of(&self, connection: usize) -> &Target {
        match (connection % (self.others.len() + 1)).checked_sub(1) {
            None => &self.target,
            Some(other) => &self.others[other].target,
        }
    }

    /// What the members share.
    pub fn broker(&self) -> Option<&Broker> {
        self.broker.as_ref()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn ask_to_stop(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?)
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// If it has not ended in time.
    pub fn ended(mut self, patience: Duration) -> Result<ExitStatus> {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(asked.elapsed() < patience, "it does not end");
            thread::sleep(STEP);
        }
    }

    /// Whether it accepts a connection and answers: to a request or, in NATS, by itself. Does not
    /// try a TLS handshake.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.target.address) else {
            return false;
        };
        let asked = self.target.protocol == Protocol::Nats
            || stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").is_ok();
        self.target.tls.is_some() || (asked && stream.read_exact(&mut [0]).is_ok())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself, or cannot be told to, killing it below is enough.
        if matches!(self.child.try_wait(), Ok(None)) && self.ask_to_stop().is_ok() {
            let asked = Instant::now();
            while asked.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
                thread::sleep(STEP);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free address.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
