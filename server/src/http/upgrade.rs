//! From an HTTP request to a WebSocket connection's task.

use super::{HttpStream, Visit, subprotocol};
use crate::{
    admission::HttpPlace,
    connection::Connection,
    gateway::Gateway,
    socket::{self, Caller},
    transport::{self, Incoming, Outgoing},
};
use axum::{extract::Request, response::Response};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::CloseCode;
use std::sync::Arc;
use tokio_rustls::server::TlsStream;
use websocket::{HandshakeError, accept, subprotocols};

/// Answers an opening handshake and starts the connection's task.
///
/// # Errors
/// [`HandshakeError`]: the request is none.
pub(super) fn upgrade(
    gateway: Arc<Gateway>,
    mut request: Request,
    caller: Caller,
) -> Result<Response, HandshakeError> {
    let accepted = accept(request.method(), request.version(), request.headers())?;
    let accepted = match subprotocol::choose(&subprotocols(request.headers())?) {
        Some(name) => accepted.with_subprotocol(name),
        None => accepted,
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let visit = request.extensions_mut().remove::<Visit>();
    let tasks = gateway.core.tasks.clone();
    tasks.spawn(start(gateway, upgrade, caller, visit));
    Ok(accepted.response())
}

/// Waits for the socket. A task of its own, so that what it needs is freed when the connection
/// begins.
async fn start(gateway: Arc<Gateway>, upgrade: OnUpgrade, caller: Caller, visit: Option<Visit>) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            return tracing::debug!(client = %caller.address, %error, "a client went away during the upgrade");
        }
    };
    let (Ok((streams, early)), Some(visit)) = (take_apart(upgraded), visit) else {
        return tracing::error!("an upgraded connection does not come from the acceptor");
    };
    match gateway.admission.web_socket(visit.counted) {
        Ok(admitted) => {
            let tasks = gateway.core.tasks.clone();
            tasks.spawn(socket::connection(gateway, streams, early, caller, admitted));
        }
        Err(refusal) => {
            gateway.admission.count(refusal);
            refuse(&gateway, streams, &visit.place).await;
        }
    }
}

/// Tells the client why it is not served. Until it has taken that it counts as what it was before,
/// and may be closed for others as such.
async fn refuse(
    gateway: &Gateway,
    (mut incoming, outgoing): (Incoming, Outgoing),
    place: &HttpPlace,
) {
    let connection = Connection::new(outgoing, gateway.config().limits.send_queue, gateway.clock);
    connection.close(CloseCode::Full, CloseCode::Full.meaning());
    gateway.meter.count_close(connection.closed_with());
    tokio::select! {
        () = socket::part(&connection, &mut incoming) => {}
        () = place.visitor().closing() => {}
    }
}

/// The stream, and what has come on it behind the handshake.
fn take_apart(upgraded: Upgraded) -> Result<((Incoming, Outgoing), Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<HttpStream>>() {
        Ok(parts) => {
            return Ok((transport::plain(parts.io.into_inner().into_tcp()), parts.read_buf));
        }
        Err(other) => other,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<HttpStream>>>()?;
    let (stream, tls) = parts.io.into_inner().into_inner();
    let (incoming, outgoing, decrypted) = transport::encrypted(stream.into_tcp(), tls);
    Ok(((incoming, outgoing), [parts.read_buf, decrypted].concat().into()))
}
