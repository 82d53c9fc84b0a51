//! Gateway library.

pub mod config;
pub mod gateway;
pub mod http;
pub mod log;
pub mod page;
pub mod socket;
mod websocket;

/// Serves until the process is asked to stop.
///
/// # Errors
/// Where the page's options are wrong or the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, config: config::Config) -> Result<(), Box<dyn std::error::Error>> {
    let gateway = std::sync::Arc::new(gateway::Gateway::new(config));
    let page = page::router(page::Assets::of_this_build())?;
    axum::serve(listener, http::router(gateway, page)).await?;
    Ok(())
}
