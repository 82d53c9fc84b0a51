//! A gateway that serves, and how it comes to its end.

use super::{
    ServeError,
    activities::Activities,
    drain::drain,
    listeners::SocketFiles,
    manager::{self, News},
    signals::{Signal, Signals},
};
use crate::gateway::Gateway;
use std::sync::Arc;
use tokio::time::sleep;

/// A gateway that serves. Dropped, it accepts nothing any more; open connections continue.
#[derive(Debug)]
pub struct Running {
    pub(super) gateway: Arc<Gateway>,
    pub(super) signals: Signals,
    pub(super) activities: Activities,
    /// Removed at the end.
    pub(super) files: SocketFiles,
}

impl Running {
    /// Serves until the process gets SIGINT, SIGTERM or SIGQUIT. Then `/readyz` says no for
    /// `timeouts.unready` while everything else goes on, and after it the gateway takes no new
    /// work, gives every connection what waits for it, and closes it with 1001. A second signal
    /// ends that at once.
    ///
    /// Needs a runtime with time, which should not be the one that serves: see
    /// [`Runtimes`](super::Runtimes).
    ///
    /// # Errors
    /// [`ServeError::Activity`]: a part of the gateway has failed. The connections were drained all the same.
    pub async fn until_stopped(self) -> Result<(), ServeError> {
        let Self { gateway, mut signals, mut activities, files: _files } = self;
        let cause = tokio::select! {
            signal = signals.next() => Ok(signal),
            failure = activities.failed() => Err(failure),
        };
        let connections = gateway.registry.connections.len();
        match &cause {
            Ok(signal) => tracing::info!(?signal, connections, "stopping"),
            Err(error) => {
                tracing::error!(%error, connections, "stopping: a part of the gateway has failed")
            }
        }
        // HTTP is answered to the end: a load balancer asks `/readyz`.
        tokio::select! {
            () = leave(&gateway, cause.as_ref().ok().copied()) => tracing::info!("stopped"),
            signal = signals.next() => tracing::warn!(?signal, connections = gateway.registry.connections.len(), "stopped without waiting"),
        }
        cause.map(drop)
    }
}

/// `None`: no signal was the reason.
async fn leave(gateway: &Gateway, signal: Option<Signal>) {
    let end = async {
        let unready = gateway.config().timeouts.unready;
        if matches!(signal, Some(Signal::Terminate | Signal::Quit)) && !unready.is_zero() {
            gateway.announce_stop();
            sleep(unready).await;
        }
        gateway.stop();
        // At the terminal a person waits for the end.
        drain(gateway, signal != Some(Signal::Interrupt)).await;
    };
    tokio::join!(manager::tell(News::Stopping), end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_part_that_fails_ends_the_gateway_with_the_reason() {
        let gateway = Arc::new(Gateway::new(Config::default()).unwrap());
        let mut activities = Activities::default();
        activities.start("heartbeats", async { panic!("on purpose") });
        let running = Running {
            gateway: gateway.clone(),
            signals: Signals::listen().unwrap(),
            activities,
            files: SocketFiles::default(),
        };
        let error = running.until_stopped().await.unwrap_err().to_string();
        assert!(error.starts_with("heartbeats: ") && error.contains("on purpose"), "{error}");
        assert!(!gateway.takes_work(), "it was drained before");
    }
}
