//! A listener: accepts connections, shakes hands where TLS is on, and speaks HTTP/1.1 with them. A WebSocket takes the stream over.

use crate::{
    gateway::Gateway,
    http::{Listener, Peer},
    tls::Tls,
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
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// What stands behind a listener.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) gateway: Arc<Gateway>,
    pub(super) tls: Option<Tls>,
    pub(super) router: TowerToHyperService<axum::Router>,
}

impl Door {
    /// Lets everybody in, for ever. Cancel-safe: those who are in stay.
    pub(super) async fn open(&self, listener: &TcpListener) {
        // What cannot be told is taken for the case that refuses more.
        let kind = listener.local_addr().map_or(Listener { is_loopback: true }, Listener::at);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.enter(stream, kind, Peer(peer.ip())),
                // Out of file descriptors, most likely: the pause lets some connections end, instead of a busy loop.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn enter(&self, stream: TcpStream, listener: Listener, peer: Peer) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(client = %peer.0, %error, "a connection ended before it began");
            return;
        }
        let Self { gateway, tls, router } = self.clone();
        let limit = gateway.config().timeouts.setup;
        drop(gateway);
        match tls {
            None => drop(tokio::spawn(http(stream, (listener, peer), limit, router))),
            Some(tls) => drop(tokio::spawn(async move {
                match tls.accept(stream, limit).await {
                    Ok(stream) => http(stream, (listener, peer), limit, router).await,
                    Err(error) => tracing::debug!(client = %peer.0, %error, "a TLS handshake failed"),
                }
            })),
        }
    }
}

/// With a limit on how long the header of a request may take.
async fn http<S>(stream: S, (listener, peer): (Listener, Peer), limit: Duration, router: TowerToHyperService<axum::Router>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(listener);
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(client = %peer.0, %error, "an HTTP connection ended early");
    }
}
