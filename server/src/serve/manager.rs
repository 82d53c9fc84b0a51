//! What a service manager such as systemd is told of the process: sd_notify(3). Without one,
//! nothing is sent.

use std::{io, time::Duration};
use tokio::{task::spawn_blocking, time::timeout};

/// How long the process waits for a manager that does not take what it is told.
const LIMIT: Duration = Duration::from_secs(1);

/// What there is to tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    /// It serves; or it has done with reloading.
    Ready,
    /// It reads files again. `Ready` has to follow.
    Reloading,
    /// It has begun to stop.
    Stopping,
}

/// Tells the manager, if there is one. That it cannot be told is a line in the log: the gateway
/// serves all the same.
pub(super) async fn tell(news: News) {
    // The manager's socket may be full: `send` waits then.
    match timeout(LIMIT, spawn_blocking(move || send(news))).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, ?news, "the service manager cannot be told"),
        Ok(Err(error)) => tracing::error!(%error, ?news, "the service manager cannot be told"),
        Err(_) => tracing::warn!(?news, "the service manager does not listen"),
    }
}

#[cfg(unix)]
fn send(news: News) -> io::Result<()> {
    use sd_notify::NotifyState;
    match news {
        News::Ready => sd_notify::notify(&[NotifyState::Ready]),
        News::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        News::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    }
}

#[cfg(not(unix))]
fn send(_: News) -> io::Result<()> {
    Ok(())
}
