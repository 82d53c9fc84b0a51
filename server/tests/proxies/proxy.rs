//! The process of a proxy, which ends with the test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) struct Proxy {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Proxy {
    /// Starts the proxy, and waits until it listens at `address`. It runs in the foreground as one
    /// process, with its files in `folder`.
    pub(crate) fn start(mut command: Command, address: SocketAddr, folder: TempDir) -> Self {
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs it"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "{command:?} has ended");
            assert!(Instant::now() < deadline, "{command:?} does not listen at {address}");
            // Nothing tells when another process listens, so try again.
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, address, _folder: folder }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
