//! The process of a server of one test: ended with the test, by its process id.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs, or does not.
#[derive(Default)]
pub(crate) struct ServerProcess(Option<Child>);

impl ServerProcess {
    /// Starts it, and waits until it `answers`. If the program is missing, `variable` may name it.
    pub(crate) fn begin(
        &mut self,
        command: &mut Command,
        variable: &str,
        answers: impl Fn() -> bool,
    ) {
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let program = command.get_program().display();
        self.0 = Some(process.unwrap_or_else(|error| {
            panic!("{program}: {error}: `cargo xtask test rust` installs it, or set {variable}")
        }));
        let deadline = Instant::now() + PATIENCE;
        while !answers() {
            assert!(Instant::now() < deadline, "{program} does not start");
            // It tells nothing when it is ready, so ask again.
            sleep(Duration::from_millis(10));
        }
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.0.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// `STOP`, `CONT` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of 127.0.0.1 that nothing listens on at this moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
