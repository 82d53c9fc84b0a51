//! Clients that count for `limits.max_connections_per_ip`: those that a proxy names, for each of
//! their requests, and those that have too many connections, which are told so.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;

use super::client_address::{ClientAddress, Peer};
use super::problem::{Code, Problem};
use crate::admission::{AddressPlace, HttpPlace, Refusal};
use crate::gateway::Gateway;

/// What a request's connection holds. The listener puts it into each request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// Held until the connection has ended, or is a WebSocket.
    pub place: Arc<HttpPlace>,
    /// What counts for the client's address; `None`: there is no limit, or it is not known yet
    /// whose connection it is.
    pub counted: Option<Arc<AddressPlace>>,
}

impl Visit {
    /// The client has too many connections.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.counted.as_ref().is_some_and(|place| place.is_over())
    }
}

/// Counts a client that a proxy names for as long as its request takes. What has too many
/// connections gets no more than the state of the gateway and a WebSocket that is closed with 1013,
/// where a browser can see why.
pub(super) async fn admit(
    State(gateway): State<Arc<Gateway>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(mut visit) = request.extensions().get::<Visit>().cloned() else {
        return next.run(request).await;
    };
    let trusted = &gateway.config().access.trusted_proxies;
    let peer = request.extensions().get::<Peer>().copied();
    if let Some(ClientAddress(client)) =
        peer.and_then(|peer| ClientAddress::named(peer, request.headers(), trusted))
    {
        match gateway.admission.address(client) {
            Ok(place) => visit.counted = place,
            Err(_) => return refused(),
        }
    }
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if visit.is_over() && !matches!(path, Some("/healthz" | "/readyz" | "/ws" | "/ws/sub/{topic}"))
    {
        gateway.admission.count(Refusal::PerAddress);
        return refused();
    }
    request.extensions_mut().insert(visit);
    next.run(request).await
}

fn refused() -> Response {
    let detail = "This address has too many connections to the gateway (limits.max_connections_per_ip). Close some of them and try again.";
    Problem::new(Code::Protocol(ErrorCode::RateLimited), detail).into_response()
}
