//! Gateway library.

pub mod config;
pub mod gateway;
pub mod http;
pub mod log;
pub mod socket;

/// Serves until the process is asked to stop.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, config: config::Config) -> std::io::Result<()> {
    let gateway = std::sync::Arc::new(gateway::Gateway::new(config));
    axum::serve(listener, http::router(gateway, axum::Router::new())).await
}
