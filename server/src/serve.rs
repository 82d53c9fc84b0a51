//! From a configuration to a process that serves: prepares what can fail, runs everything side by side, and ends it when the
//! process is asked to stop.

mod door;
mod drain;
mod signals;

use crate::{
    config::Config,
    gateway::{Gateway, KeyError},
    http, page,
    tls::{Tls, TlsError},
};
use axum::Router;
use door::Door;
use drain::drain;
use hyper_util::service::TowerToHyperService;
use signals::Signals;
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time::sleep};

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
    /// A key that the gateway needs.
    #[error(transparent)]
    Gateway(#[from] KeyError),
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

/// Where clients and operators come in.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub clients: TcpListener,
    /// For operators, where they have one of their own; it has no TLS.
    pub admin: Option<TcpListener>,
}

impl Server {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn prepare(config: Config) -> Result<Self, ServeError> {
        let page = page::router(page::Assets::of_this_build(), page::bounds(&config))?;
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

    /// Serves until the process gets SIGINT or SIGTERM, then takes no new work, gives every connection what waits for it, and
    /// closes it with 1001. A second signal ends that at once.
    ///
    /// # Errors
    /// [`ServeError`], before anything is served.
    pub async fn serve(self, listeners: Listeners) -> Result<(), ServeError> {
        let Self { gateway, tls, router } = self;
        let mut signals = Signals::listen().map_err(ServeError::Signals)?;
        let door = Door { gateway: gateway.clone(), tls: tls.clone(), router: TowerToHyperService::new(router) };
        let stopped = async {
            let signal = signals.next().await;
            tracing::info!(?signal, connections = gateway.connections.len(), "stopping");
            gateway.stop();
            tokio::select! {
                () = drain(&gateway, signal) => tracing::info!("stopped"),
                signal = signals.next() => tracing::warn!(?signal, connections = gateway.connections.len(), "stopped without waiting"),
            }
        };
        // HTTP is answered to the end: a load balancer asks `/readyz`.
        tokio::select! {
            () = door.open(&listeners.clients) => {}
            () = open_admin(&gateway, listeners.admin) => {}
            () = follow_files(tls.as_ref()) => {}
            () = gateway.connections.keep_alive(gateway.config().timeouts.ping) => {}
            () = clear(&gateway) => {}
            () = gateway.slo.follow() => {}
            () = stopped => {}
        }
        Ok(())
    }
}

/// For ever, with a listener for operators or without.
async fn open_admin(gateway: &Arc<Gateway>, listener: Option<TcpListener>) {
    let Some(listener) = listener else { return pending().await };
    let router = TowerToHyperService::new(http::admin(gateway.clone()));
    Door { gateway: gateway.clone(), tls: None, router }.open(&listener).await;
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
        gateway.expire();
    }
}
