//! Stub.
#![allow(missing_docs, clippy::needless_pass_by_value)]
use axum::{extract::Request, response::Response};
pub enum UpgradeError {
    Handshake(&'static str),
    Full,
}
pub fn upgrade(
    _gateway: std::sync::Arc<crate::gateway::Gateway>,
    request: Request,
    _topic: Option<String>,
) -> Result<Response, UpgradeError> {
    if request.headers().contains_key("x-full") {
        return Err(UpgradeError::Full);
    }
    Err(UpgradeError::Handshake("this is a WebSocket endpoint"))
}
