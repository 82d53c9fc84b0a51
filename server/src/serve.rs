//! From a configuration to a process that serves: prepares what can fail, runs everything side by side, and ends it when the
//! process is asked to stop.

mod door;

use crate::{
    config::Config,
    gateway::Gateway,
    http, page,
    signing::KeyError,
    tls::{Tls, TlsError},
};
use axum::Router;
use door::Door;
use hyper_util::service::TowerToHyperService;
use protocol::CloseCode;
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal,
    time::{sleep, timeout},
};

/// How long a stopping gateway waits for its connections to take the last bytes.
const FAREWELL: Duration = Duration::from_secs(3);

/// How often what has expired is cleared away.
const CLEARING: Duration = Duration::from_secs(1);

/// Why a gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The page's options.
    #[error(transparent)]
    Page(#[from] page::PageError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A key of the gateway.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signals that ask the process to stop cannot be awaited.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
}

/// A gateway that has everything it needs to serve.
pub struct Server {
    gateway: Arc<Gateway>,
    tls: Option<Tls>,
    router: Router,
}

impl Server {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn prepare(config: Config) -> Result<Self, ServeError> {
        let page = page::router(page::Assets::of_this_build())?;
        let tls = Tls::load(&config.tls)?;
        let gateway = Arc::new(Gateway::new(config)?);
        let router = http::router(gateway.clone(), page);
        Ok(Self { gateway, tls, router })
    }

    /// Whether it speaks HTTPS and WSS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until the process gets SIGINT or SIGTERM, then closes every connection with 1001.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub async fn serve(self, listener: TcpListener) -> Result<(), ServeError> {
        let Self { gateway, tls, router } = self;
        let stop = asked_to_stop().map_err(ServeError::Signals)?;
        let door = Door { gateway: gateway.clone(), tls: tls.clone(), router: TowerToHyperService::new(router) };
        tokio::select! {
            () = door.open(&listener) => {}
            () = follow_files(tls.as_ref()) => {}
            () = gateway.connections.keep_alive(gateway.config().timeouts.ping) => {}
            () = clear(&gateway) => {}
            () = stop => {}
        }
        drop(listener);
        gateway.stop();
        gateway.connections.close_all(CloseCode::GoingAway);
        gateway.tasks.close();
        if timeout(FAREWELL, gateway.tasks.wait()).await.is_err() {
            tracing::warn!(connections = gateway.connections.len(), "some connections did not end in time");
        }
        Ok(())
    }
}

/// For ever, with TLS or without.
async fn follow_files(tls: Option<&Tls>) {
    match tls {
        Some(tls) => tls.follow_files().await,
        None => pending().await,
    }
}

/// Forgets what has expired, for ever.
async fn clear(gateway: &Gateway) {
    loop {
        sleep(CLEARING).await;
        gateway.topics.expire();
        gateway.dedup.expire();
    }
}

#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

#[cfg(not(unix))]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(signal::ctrl_c().await) })
}
