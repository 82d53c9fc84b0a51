//! Gateway library.

pub mod config;
pub mod gateway;
pub mod http;
pub mod log;
pub mod page;
<<<<<<< .merge_file_07nXEZ

/// Serves until the process is asked to stop.
pub async fn serve(listener: tokio::net::TcpListener, _config: config::Config) -> std::io::Result<()> {
    let page = page::router(page::Assets::of_this_build()).map_err(std::io::Error::other)?;
    axum::serve(listener, page).await
=======
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
>>>>>>> .merge_file_s0NyLe
}
