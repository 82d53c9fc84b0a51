//! A document that does not change while the process runs: made and compressed when it is first
//! asked for, then sent as it is.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{
    sync::OnceCell,
    task::{JoinError, spawn_blocking},
};

use super::Asset;

/// The document, or the way to make it.
pub(crate) struct Document {
    make: Arc<dyn Fn() -> Asset + Send + Sync>,
    made: OnceCell<Asset>,
}

impl Document {
    /// `make` runs once, on a thread that may be blocked.
    pub(crate) fn new(make: impl Fn() -> Asset + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), made: OnceCell::const_new() }
    }

    /// The answer to a request with these headers. Requests that come while it is being made wait
    /// for it; cancelling one of them leaves the making to the next.
    pub(crate) async fn respond(&self, request: &HeaderMap) -> Response {
        match self.made().await {
            Ok(asset) => asset.respond(request),
            Err(error) => {
                tracing::error!(%error, "a document could not be made");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    async fn made(&self) -> Result<&Asset, JoinError> {
        let make = self.make.clone();
        self.made.get_or_try_init(|| spawn_blocking(move || make())).await
    }
}
