//! Gateway library.

pub mod config;
pub mod log;

/// Serves until the process is asked to stop.
pub async fn serve(_listener: tokio::net::TcpListener, _config: config::Config) -> std::io::Result<()> {
    Ok(())
}
