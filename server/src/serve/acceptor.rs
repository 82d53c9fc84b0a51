//! A listener's connections: accepts them as places are free, shakes hands where TLS is on, and
//! speaks HTTP/1.1 with them. A WebSocket takes the stream over.

use super::listeners::Listener;
use crate::{
    admission::{AddressPlace, Admission, Refusal},
    gateway::Gateway,
    http::{self, HttpStream, Peer, Visit},
    tls::Tls,
};
use axum::response::Response;
use hyper::{
    Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep, timeout_at},
};

/// What a request's header may take in memory; a larger one is answered by 431.
const HEADER_BYTES: usize = 16 * 1024;

/// After an error that is not of one connection: descriptors are used up, most likely. Some
/// connections end meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection above its address's limit may take for the one request by which it is told
/// so.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// The state that a listener's connections share.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) gateway: Arc<Gateway>,
    pub(super) admission: Arc<Admission>,
    pub(super) tls: Option<Tls>,
    pub(super) router: TowerToHyperService<axum::Router>,
}

impl Acceptor {
    /// Accepts for ever. Cancel-safe: connections that were accepted stay.
    pub(super) async fn run(&self, listener: &Listener) {
        let kind = listener.kind();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.let_in(stream, kind, Peer(peer)).await,
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it began")
                }
                Err(error) => {
                    self.gateway.meter.failed_accepts.add(1);
                    tracing::warn!(%error, "cannot accept a connection");
                    self.admission.relieve();
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Waits for a place.
    async fn let_in(&self, stream: TcpStream, listener: http::Listener, peer: Peer) {
        let Ok(counted) = self.count(peer) else { return };
        let place = self.admission.http(peer.0).await;
        let visitor = place.visitor().clone();
        let Self { gateway, tls, router, .. } = self.clone();
        let timeouts = &gateway.config().timeouts;
        let stream = HttpStream::new(stream, visitor.clone(), gateway.clock, timeouts.http);
        let visit = Visit { place: Arc::new(place), counted };
        let first_request =
            if visit.is_over() { TOLD_WITHIN.min(timeouts.setup) } else { timeouts.setup };
        let first_request_by = Instant::now() + first_request;
        let connection = HttpConnection {
            listener,
            peer,
            visit,
            first_request_by,
            next_request: timeouts.http,
            router,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = connection.serve(stream, tls) => {}
                () = visitor.closing() => tracing::debug!(client = %peer, "an idle HTTP connection was closed for a new one"),
            }
        });
    }

    /// A proxy's clients are counted when the headers name them.
    fn count(&self, peer: Peer) -> Result<Option<Arc<AddressPlace>>, Refusal> {
        let trusted = &self.gateway.config().access.trusted_proxies;
        peer.0
            .filter(|address| !trusted.contain(*address))
            .map_or(Ok(None), |address| self.admission.address(address))
    }
}

/// The client has gone already; the listener is as good as before.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// One HTTP connection.
struct HttpConnection {
    listener: http::Listener,
    peer: Peer,
    visit: Visit,
    /// When the first request has to be there, TLS included.
    first_request_by: Instant,
    /// From an answer to the next request.
    next_request: Duration,
    router: TowerToHyperService<axum::Router>,
}

impl HttpConnection {
    async fn serve(self, stream: HttpStream, tls: Option<Tls>) {
        match tls {
            None => self.speak(stream).await,
            Some(tls) => match tls.accept(stream, self.first_request_by - Instant::now()).await {
                Ok(stream) => self.speak(stream).await,
                Err(error) => {
                    tracing::debug!(client = %self.peer, %error, "a TLS handshake failed")
                }
            },
        }
    }

    async fn speak<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { listener, peer, visit, first_request_by, next_request, router } = self;
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = has_asked.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Relaxed);
            request.extensions_mut().insert(listener);
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(visit.clone());
            answer(router.call(request), visit.is_over())
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(next_request)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = match timeout_at(first_request_by, &mut connection).await {
            Ok(ended) => ended,
            Err(_) if has_asked.load(Relaxed) => connection.await,
            Err(_) => {
                return tracing::debug!(client = %peer, "an HTTP connection without a request");
            }
        };
        if let Err(error) = ended {
            tracing::debug!(client = %peer, %error, "an HTTP connection ended early");
        }
    }
}

/// A connection above its address's limit ends with its first answer.
async fn answer<E>(
    response: impl Future<Output = Result<Response, E>>,
    is_over: bool,
) -> Result<Response, E> {
    let mut response = response.await?;
    if is_over && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
