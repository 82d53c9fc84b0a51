//! JetStream's requests about streams, which are JSON.

use super::connection::Connection;
use crate::backbone::Unavailable;
use serde_json::{Value, json};
use std::time::Duration;

/// A server that hangs does not answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The stream does not exist.
pub(super) const NO_STREAM: u64 = 10_059;
/// The name is taken by a stream with other settings.
pub(super) const OTHER_SETTINGS: u64 = 10_058;

/// Why a request has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// No answer, or none that can be read.
    #[error("no answer")]
    NoAnswer,
    /// The server refuses.
    #[error("{description} (error {code})")]
    Refused { code: u64, description: String },
}

impl From<ApiError> for Unavailable {
    fn from(_: ApiError) -> Self {
        Self
    }
}

/// Sends a request to `$JS.API.{verb}.{stream}`.
pub(super) async fn call(
    connection: &Connection,
    verb: &str,
    stream: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let payload = body.to_string().into();
    let answer = connection.ask(format!("$JS.API.{verb}.{stream}"), payload, None, LIMIT);
    let answer = answer.await.ok_or(ApiError::NoAnswer)?;
    let value: Value = serde_json::from_slice(&answer.payload).map_err(|_| ApiError::NoAnswer)?;
    match value.get("error") {
        None => Ok(value),
        Some(error) => Err(ApiError::Refused {
            code: error["err_code"].as_u64().unwrap_or_default(),
            description: error["description"].as_str().unwrap_or_default().to_owned(),
        }),
    }
}

/// What the server knows of a stream.
pub(super) async fn info(connection: &Connection, stream: &str) -> Result<Value, ApiError> {
    call(connection, "STREAM.INFO", stream, &json!({})).await
}

/// The number of the first message that a stream still has; 0 if it never had one.
///
/// The stream's leader answers. A leader that has been deposed and does not know it yet may answer
/// with an older number: see `docs/nats.md`.
pub(super) async fn first_number(
    connection: &Connection,
    stream: &str,
) -> Result<u64, Unavailable> {
    let info = info(connection, stream).await?;
    info["state"]["first_seq"].as_u64().ok_or(Unavailable)
}
