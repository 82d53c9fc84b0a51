//! Stub.
#![allow(missing_docs, clippy::needless_pass_by_value)]
use crate::websocket::{HandshakeError, accept};
use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
pub enum UpgradeError {
    Handshake(HandshakeError),
    Full,
}
pub fn upgrade(
    _gateway: std::sync::Arc<crate::gateway::Gateway>,
    request: Request,
    _topic: Option<String>,
) -> Result<Response, UpgradeError> {
    let key = accept(request.method(), request.version(), request.headers()).map_err(UpgradeError::Handshake)?;
    Ok((
        StatusCode::SWITCHING_PROTOCOLS,
        [("connection", "upgrade".to_owned()), ("upgrade", "websocket".to_owned()), ("sec-websocket-accept", key.0)],
    )
        .into_response())
}
