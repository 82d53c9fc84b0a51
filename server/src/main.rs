//! Serves the page alone.

use std::net::SocketAddr;

use clap::Parser;
use micro_socket::page;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let arguments = Arguments::parse();
    let router = page::router(page::Assets::of_this_build())?;
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    tracing::info!("listening on http://{}/docs", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
