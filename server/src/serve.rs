//! From a configuration to a process that serves: prepares what can fail, runs everything side by
//! side, and ends it when the process is asked to stop.
//!
//! | module | idea |
//! |---|---|
//! | `servers` | what several gateways share: the backbone's servers, a Redis server |
//! | `listeners` | where clients and operators come in |
//! | `acceptor` | a listener's connections: accepts them and speaks HTTP with them |
//! | `descriptors` | how many connections fit below the system's limit |
//! | `activities` | what goes on for as long as the gateway serves, each in a task of its own |
//! | `signals` | what the process is told from outside |
//! | `reload` | what SIGHUP reads again |
//! | `manager` | what systemd is told |
//! | `start_line` | what the log says first |
//! | [`running`] | from the signal to the end |
//! | `drain` | how connections end |
//! | [`runtimes`] | the threads of all this |

mod acceptor;
mod activities;
mod descriptors;
mod drain;
mod listeners;
mod manager;
mod reload;
pub mod running;
pub mod runtimes;
mod servers;
mod signals;
mod start_line;

use crate::{
    admission::Admission,
    backbone::{kafka, nats},
    config::{Config, Sources},
    gateway::{Gateway, KeyError},
    http, page, redis,
    tls::{Tls, TlsError},
};
use acceptor::Acceptor;
use activities::Activities;
use axum::Router;
use futures_util::future::join_all;
use hyper_util::service::TowerToHyperService;
use listeners::Started;
use manager::News;
use reload::Reload;
use servers::Servers;
use signals::{Hangups, Signals};
use std::{io, sync::Arc, time::Duration};
use tokio::time::sleep;

pub use listeners::{ListenError, Listeners};

pub use running::Running;
pub use runtimes::Runtimes;

/// Connections of operators at once; then an idle one is closed for a new one.
const ADMIN_CONNECTIONS: usize = 32;

/// How often what has expired is cleared away.
const CLEARING: Duration = Duration::from_secs(1);

/// Why a gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The backbone, if it is NATS.
    #[error(transparent)]
    Nats(#[from] nats::StartError),
    /// The backbone, if it is Kafka.
    #[error(transparent)]
    Kafka(#[from] kafka::StartError),
    /// The Redis server.
    #[error(transparent)]
    Redis(#[from] redis::StartError),
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
    /// Something that goes on for as long as the gateway serves has ended before it.
    #[error("{name}: {reason}")]
    Activity {
        /// What it does.
        name: &'static str,
        /// The panic, most likely.
        reason: String,
    },
    /// A listener cannot be watched.
    #[error("cannot wait for connections: {0}")]
    Listen(#[source] io::Error),
}

/// A gateway that has everything it needs to serve.
pub struct Server {
    gateway: Arc<Gateway>,
    /// To be connected at the start.
    servers: Servers,
    tls: Option<Tls>,
    router: Router,
}

impl Server {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn prepare(config: Config) -> Result<Self, ServeError> {
        let page = page::router(page::Assets::of_this_build(), page::bounds(&config))?;
        let servers = Servers::new(&config)?;
        let fleet = servers.fleet(&config);
        let gateway = Arc::new(Gateway::in_fleet(config, fleet)?);
        let tls = Tls::load(&gateway.config().tls, gateway.meter.clone())?;
        let router = http::router(gateway.clone(), page);
        Ok(Self { gateway, servers, tls, router })
    }

    /// Whether it speaks HTTPS and WSS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects to the backbone's servers and to Redis, for which it tries for some seconds each, and then begins to serve: answers signals, accepts connections, and tells the service manager so.
    /// `sources` are those of the configuration, for SIGHUP. Everything runs on the runtime of
    /// the caller.
    ///
    /// # Errors
    /// [`ServeError::Nats`], [`ServeError::Kafka`] or [`ServeError::Redis`], [`ServeError::Signals`] or [`ServeError::Listen`], before anything is served.
    pub async fn start(
        self,
        listeners: Listeners,
        sources: Sources,
    ) -> Result<Running, ServeError> {
        let Self { gateway, servers, tls, router } = self;
        let signals = Signals::listen().map_err(ServeError::Signals)?;
        let hangups = Hangups::listen().map_err(ServeError::Signals)?;
        servers.start().await?;
        start_line::tell(gateway.config(), &listeners.addresses(), listeners.admin_address());
        let mut activities = Activities::default();
        let Started { clients, admin, files } = listeners.start().map_err(ServeError::Listen)?;
        descriptors::reserve(&gateway);
        let admission = gateway.admission.clone();
        let router = TowerToHyperService::new(router);
        let acceptor = Acceptor { gateway: gateway.clone(), admission, tls: tls.clone(), router };
        activities.start("accepting clients", async move {
            join_all(clients.iter().map(|listener| acceptor.run(listener))).await;
        });
        if let Some(listener) = admin {
            let admission = Admission::http_only(ADMIN_CONNECTIONS, gateway.clock);
            let router = TowerToHyperService::new(http::admin(gateway.clone()));
            let acceptor = Acceptor { gateway: gateway.clone(), admission, tls: None, router };
            activities.start("accepting operators", async move { acceptor.run(&listener).await });
        }
        if let Some(tls) = tls.clone() {
            activities.start("following the certificate", async move { tls.follow_files().await });
        }
        activities.start("reloading", Reload::new(gateway.clone(), tls, sources).at_each(hangups));
        let of = gateway.clone();
        activities.start("heartbeats", async move {
            of.registry.connections.keep_alive(of.config().timeouts.ping).await
        });
        let of = gateway.clone();
        activities.start("clearing away", async move { clear(&of).await });
        if let Some(work) = gateway.sessions.clone().background() {
            activities.start("keeping sessions", work);
        }
        let of = gateway.clone();
        activities.start("following the service level", async move { of.slo.follow().await });
        let of = gateway.clone();
        activities.start("following the key set", async move {
            of.verifiers.authenticator().follow().await
        });
        manager::tell(News::Ready).await;
        Ok(Running { gateway, signals, activities, files })
    }
}

/// Forgets what has expired, for ever.
async fn clear(gateway: &Gateway) {
    loop {
        sleep(CLEARING).await;
        gateway.expire().await;
    }
}
