//! The listener: accepts connections, speaks HTTP/1.1 with them, and ends everything when the process is asked to stop.

use crate::{
    gateway::Gateway,
    http::{self, Peer},
    page,
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use protocol::CloseCode;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
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
    /// The signals that ask the process to stop cannot be awaited.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
}

/// Serves until the process gets SIGINT or SIGTERM, then closes every connection with 1001.
///
/// # Errors
/// [`ServeError`], before anything is served.
pub async fn serve(listener: TcpListener, gateway: Gateway) -> Result<(), ServeError> {
    let page = page::router(page::Assets::of_this_build())?;
    let gateway = Arc::new(gateway);
    let router = TowerToHyperService::new(http::router(gateway.clone(), page));
    let stop = asked_to_stop().map_err(ServeError::Signals)?;
    tokio::select! {
        () = accept(&listener, &gateway, router) => {}
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

async fn accept(listener: &TcpListener, gateway: &Gateway, router: TowerToHyperService<axum::Router>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => spawn_http(stream, Peer(peer.ip()), gateway, router.clone()),
            // Out of file descriptors, most likely: the pause lets some connections end, instead of a busy loop.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// HTTP/1.1 with a limit on how long the header of a request may take; a WebSocket takes the stream over.
fn spawn_http(stream: TcpStream, peer: Peer, gateway: &Gateway, router: TowerToHyperService<axum::Router>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(gateway.config().timeouts.setup)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP connection ended early");
        }
    });
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
