//! A Redis server for one test: the real program on a free port of 127.0.0.1, with a folder of its own,
//! ended with the test. `cargo xtask test rust` brings the program in.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use crate::server_process::{ServerProcess, free_port};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// Where the program is, if it is not in the path.
const VARIABLE: &str = "MICRO_SOCKET_REDIS_SERVER";

pub(crate) struct RedisServer {
    process: ServerProcess,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Keeps what it has in memory only.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Writes everything to its append-only file before it answers.
    pub(crate) fn start_with_file() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// With further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let port = free_port();
        let mut server = Self {
            process: ServerProcess::default(),
            port,
            folder: tempfile::tempdir().unwrap(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        server.begin();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address.
    pub(crate) fn begin(&mut self) {
        let program = std::env::var_os(VARIABLE).unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.arguments);
        let port = self.port;
        self.process.begin(&mut command, VARIABLE, || answers(port));
    }

    /// `STOP`, `CONT` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Sends one command, of words without spaces; gives the first part of the answer.
    pub(crate) fn ask(&self, command: &str) -> String {
        try_to_ask(self.port, command).unwrap()
    }
}

fn try_to_ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut answer = vec![0; 64 * 1024];
    let read = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}

/// Also one that wants a password does.
fn answers(port: u16) -> bool {
    let answer = try_to_ask(port, "PING").unwrap_or_default();
    answer.starts_with("+PONG") || answer.starts_with("-NOAUTH")
}
