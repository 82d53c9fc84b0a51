//! From an HTTP request to a connection's task.

use super::{
    drive, subprotocol,
    transport::{self, Incoming, Outgoing},
};
use crate::{
    gateway::Gateway,
    websocket::{HandshakeError, accept, subprotocols},
};
use axum::{extract::Request, response::Response};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::{net::IpAddr, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Who opens a WebSocket.
#[derive(Debug)]
pub struct Caller {
    /// The client's address, as far as it can be believed.
    pub address: IpAddr,
    /// The topic of the URL, as it came.
    pub topic: Option<String>,
}

/// Answers an opening handshake and starts the connection's task.
///
/// # Errors
/// [`HandshakeError`]: the request is none.
pub fn upgrade(gateway: Arc<Gateway>, mut request: Request, caller: Caller) -> Result<Response, HandshakeError> {
    let accepted = accept(request.method(), request.version(), request.headers())?;
    let accepted = match subprotocol::choose(&subprotocols(request.headers())?) {
        Some(name) => accepted.with_subprotocol(name),
        None => accepted,
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = gateway.tasks.clone();
    tasks.spawn(start(gateway, upgrade, caller));
    Ok(accepted.response())
}

/// Waits for the socket. A task of its own, so that what it needs is freed when the connection begins.
async fn start(gateway: Arc<Gateway>, upgrade: OnUpgrade, caller: Caller) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(client = %caller.address, %error, "a client went away during the upgrade"),
    };
    let tasks = gateway.tasks.clone();
    match take_apart(upgraded) {
        Ok((streams, early)) => drop(tasks.spawn(drive::connection(gateway, streams, early, caller))),
        Err(other) => tracing::error!(?other, "an upgraded connection is neither TCP nor TLS: the listener has changed"),
    }
}

/// The stream, and what has come on it behind the handshake.
fn take_apart(upgraded: Upgraded) -> Result<((Incoming, Outgoing), Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Ok((transport::plain(parts.io.into_inner()), parts.read_buf)),
        Err(other) => other,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>()?;
    let (incoming, outgoing, decrypted) = transport::encrypted(parts.io.into_inner());
    Ok(((incoming, outgoing), [parts.read_buf, decrypted].concat().into()))
}
