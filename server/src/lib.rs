//! Gateway library.

pub mod config;
pub mod log;
pub mod page;

/// Serves until the process is asked to stop.
pub async fn serve(listener: tokio::net::TcpListener, _config: config::Config) -> std::io::Result<()> {
    let page = page::router(page::Assets::of_this_build()).map_err(std::io::Error::other)?;
    axum::serve(listener, page).await
}
