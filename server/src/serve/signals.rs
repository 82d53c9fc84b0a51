//! The signals that the process answers. Those that would kill it without a drain, and mean nothing
//! to it, are caught too.

use std::io;
#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind, signal};

/// What asks the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// A person at the terminal.
    Interrupt,
    /// Whatever manages the process.
    Terminate,
    /// As `Terminate`.
    Quit,
}

/// Signals to stop.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    user_1: unix::Signal,
    user_2: unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on none of them ends the process by itself.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one that asks the process to stop. Cancel-safe.
    pub(super) async fn next(&mut self) -> Signal {
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.quit.recv() => return Signal::Quit,
                _ = self.user_1.recv() => "SIGUSR1",
                _ = self.user_2.recv() => "SIGUSR2",
            };
            tracing::info!(signal = ignored, "a signal without a meaning here is ignored");
        }
    }
}

/// Signals to read files again: SIGHUP.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Hangups(unix::Signal);

#[cfg(unix)]
impl Hangups {
    /// From now on it does not end the process.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// The next one; those that come before they are waited for count as one. Cancel-safe.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        std::future::pending().await
    }
}
