//! A server that the members of a fleet share. It runs beside them as a process of its own, whose
//! CPU time is told apart from theirs.

use super::{Environment, Unavailable, file, free_address, installed, version};
use crate::measure::process::Processes;
use anyhow::{Context, Result, ensure};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a broker may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);
/// The time between two checks whether it answers.
const STEP: Duration = Duration::from_millis(5);

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A NATS server with JetStream, which stores in files.
    Nats,
    /// A Redis server, which stores nothing in files.
    Redis,
}

/// A broker's process, with nothing stored at its start; dropped, it is killed and its data is removed.
#[derive(Debug)]
pub struct Broker {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// For its CPU time and memory.
    pub processes: Processes,
    child: Child,
    data: PathBuf,
}

impl Broker {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// [`Unavailable`] if it is not installed; any other error if it does not start.
    pub fn start(kind: Kind, environment: &Environment) -> Result<Self> {
        let address = free_address()?;
        let folder = environment.work.join(format!("{}-{}", kind.name(), address.port()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        let mut command = kind.command(environment, address, &data)?;
        let log = File::create(folder.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut broker = Self { address, processes: Processes::of(child.id())?, child, data };
        while !kind.answers(address) {
            let ended = broker.child.try_wait()?;
            ensure!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "{} does not answer, see {}",
                kind.name(),
                folder.join("log").display()
            );
            thread::sleep(STEP);
        }
        Ok(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // If it has ended by itself, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What it has stored is not needed; if it cannot be removed, it only takes space.
        let _ = fs::remove_dir_all(&self.data);
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
        }
    }

    /// The installed program with its version.
    pub(super) fn description(self, environment: &Environment) -> String {
        let line = self.program(environment).map(|program| version(&program, "--version"));
        match self {
            Self::Nats => format!("{} (file storage)", line.unwrap_or_default()),
            Self::Redis => {
                let line = line.unwrap_or_default();
                let version = line.split(' ').find_map(|word| word.strip_prefix("v="));
                format!("redis-server {} (nothing on disk)", version.unwrap_or_default())
            }
        }
    }

    fn program(self, environment: &Environment) -> Result<PathBuf, Unavailable> {
        match self {
            Self::Nats => {
                let program = environment.nats.clone();
                let program = program
                    .ok_or_else(|| Unavailable("no NATS server was given (--nats)".to_owned()))?;
                file(program, "the NATS server")
            }
            Self::Redis => {
                installed(&["/usr/bin/redis-server", "/usr/local/bin/redis-server"], "redis-server")
            }
        }
    }

    fn command(
        self,
        environment: &Environment,
        address: SocketAddr,
        data: &Path,
    ) -> Result<Command, Unavailable> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut command = Command::new(self.program(environment)?);
        match self {
            Self::Nats => {
                command.args(["--addr", &ip, "--port", &port, "--jetstream", "--store_dir"])
            }
            Self::Redis => command.args([
                "--bind",
                &ip,
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ]),
        }
        .arg(data);
        Ok(command)
    }

    /// NATS greets, Redis answers.
    fn answers(self, address: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect(address) else {
            return false;
        };
        let asked = self == Self::Nats || stream.write_all(b"PING\r\n").is_ok();
        asked && stream.read_exact(&mut [0]).is_ok()
    }
}
