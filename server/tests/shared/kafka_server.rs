//! A Kafka broker for one test: the real program on a free port of 127.0.0.1, ended with the test.
//! It keeps its log in memory: started again, it is empty. `cargo xtask test rust` brings the
//! program in.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use crate::server_process::{ServerProcess, free_port};
use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the program is, if it is not in its usual place.
const VARIABLE: &str = "MICRO_SOCKET_KAFKA_BROKER";

pub(crate) struct KafkaServer {
    process: ServerProcess,
    port: u16,
    /// Where clients are told to find it.
    advertised: u16,
}

impl KafkaServer {
    pub(crate) fn start() -> Self {
        let port = free_port();
        Self::start_at(port, port)
    }

    /// With another port that clients are told to use, behind which it must be found.
    pub(crate) fn start_at(port: u16, advertised: u16) -> Self {
        let mut server = Self { process: ServerProcess::default(), port, advertised };
        server.begin();
        server
    }

    /// For a configuration.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.advertised)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address, with nothing in it.
    pub(crate) fn begin(&mut self) {
        let url = |port| format!("tcp://127.0.0.1:{port}");
        let mut command = Command::new(program());
        command
            .arg("broker")
            .args(["--listener-url", &url(self.port)])
            .args(["--advertised-listener-url", &url(self.advertised)])
            .args(["--storage-engine", "memory://tansu/", "--silent"])
            .env_clear();
        let port = self.port;
        let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        self.process.begin(&mut command, VARIABLE, answers);
    }

    /// `STOP`, `CONT` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }
}

fn program() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/tansu"),
        PathBuf::from,
    )
}
