//! A NATS server for one test: the real program on a free port of 127.0.0.1, with a folder of its
//! own, ended with the test. `cargo xtask test rust` brings the program in.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use crate::server_process::{ServerProcess, free_port};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Where the program is, if it is not in its usual place.
const VARIABLE: &str = "MICRO_SOCKET_NATS_SERVER";

pub(crate) struct NatsServer {
    process: ServerProcess,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl NatsServer {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
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

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address.
    pub(crate) fn begin(&mut self) {
        let mut command = Command::new(program());
        command
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"])
            .arg("--store_dir")
            .arg(self.data())
            .args(&self.arguments);
        let port = self.port;
        self.process.begin(&mut command, VARIABLE, || greets(port));
    }

    /// Kills it and starts it again, with what it has stored.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.begin();
    }

    /// Where it stores.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Forgets what it has stored. It must have been killed.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.data()).unwrap();
    }

    /// Copies what it has stored. It must have been killed.
    pub(crate) fn save(&self) {
        copy(&self.data(), &self.folder.path().join("saved"));
    }

    /// Goes back to what was saved. It must have been killed.
    pub(crate) fn set_back(&self) {
        self.forget();
        copy(&self.folder.path().join("saved"), &self.data());
    }

    /// `STOP`, `CONT` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.is_ok() && line.starts_with("INFO ") && line.contains("\"jetstream\":true")
}

fn program() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/nats-server"),
        PathBuf::from,
    )
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
