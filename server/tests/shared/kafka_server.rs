//! A Kafka broker for one test: the real program on a free port of 127.0.0.1, ended with the test.
//! It keeps its log in memory: started again, it is empty. `cargo xtask test rust` brings the
//! program in.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Where the program is, if it is not in its usual place.
const VARIABLE: &str = "MICRO_SOCKET_KAFKA_BROKER";

pub(crate) struct KafkaServer {
    process: Option<Child>,
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
        let mut server = Self { process: None, port, advertised };
        server.begin();
        server
    }

    /// For a configuration.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.advertised)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again, at the same address, with nothing in it.
    pub(crate) fn begin(&mut self) {
        let program = program();
        let url = |port| format!("tcp://127.0.0.1:{port}");
        let mut command = Command::new(&program);
        command
            .arg("broker")
            .args(["--listener-url", &url(self.port)])
            .args(["--advertised-listener-url", &url(self.advertised)])
            .args(["--storage-engine", "memory://tansu/", "--silent"])
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{}: {error}: `cargo xtask test rust` installs it, or set {VARIABLE}",
                program.display()
            )
        });
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the Kafka broker does not start");
            // It tells nothing when it is ready, so ask again.
            sleep(Duration::from_millis(10));
        }
    }

    /// `STOP`, `CONT` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for KafkaServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of 127.0.0.1 that nothing listens on at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn program() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/tansu"),
        PathBuf::from,
    )
}
