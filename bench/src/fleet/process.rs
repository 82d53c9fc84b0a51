//! A program of the fleet: started, stopped in every way, started again.

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often a program is looked at that is to end.
const LOOK: Duration = Duration::from_millis(20);

/// A program that runs or does not; dropped, it is killed.
#[derive(Debug, Default)]
pub(super) struct Process(Option<Child>);

impl Process {
    /// Starts it; what it prints goes to the end of the file `log`.
    pub(super) fn start(&mut self, command: &mut Command, log: &Path) -> Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        self.0 = Some(child);
        Ok(())
    }

    /// Ends it without a warning.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            // If it has ended by itself, there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends a signal, if it runs.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        match &self.0 {
            Some(child) => Ok(kill(Pid::from_raw(child.id().cast_signed()), signal)?),
            None => Ok(()),
        }
    }

    pub(super) fn runs(&mut self) -> bool {
        self.0.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Asks it to end, and kills it if it has not ended in `patience`. False: it was killed.
    pub(super) async fn end(&mut self, patience: Duration) -> Result<bool> {
        self.signal(Signal::SIGTERM)?;
        let asked = Instant::now();
        while self.runs() && asked.elapsed() < patience {
            sleep(LOOK).await;
        }
        let has_ended = !self.runs();
        self.kill();
        Ok(has_ended)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
