//! A process with the clients of one gateway, as its parent sees it.

use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Duration,
};

/// How long the clients may take to connect, or to receive a message.
const PATIENCE: Duration = Duration::from_secs(180);
/// Lines that may wait: the process writes none unless it was asked for something.
const LINES: usize = 16;

/// The process; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Crew {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Crew {
    pub(super) fn start(gateway: SocketAddr, connections: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["clients", &gateway.to_string(), &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the clients")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let (sender, lines) = sync_channel(LINES);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    /// Lets it open the other connections.
    pub(super) fn go_on(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"\n")?)
    }

    /// Waits for the line.
    ///
    /// # Errors
    /// If another one comes, or none.
    pub(super) fn expect(&self, line: &str) -> Result<()> {
        let found = self.lines.recv_timeout(PATIENCE);
        let found = found.with_context(|| format!("the clients do not say {line}"))?;
        ensure!(found == line, "the clients say {found} instead of {line}");
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // If it has ended by itself, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
