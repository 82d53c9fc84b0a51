//! An echo server over the gateway's WebSocket codec alone, without its protocol: for conformance
//! suites such as Autobahn's fuzzingclient, and for measurements.
//!
//!     cargo run -p micro-socket --example echo -- 127.0.0.1:9001
//!
//! Any path opens a WebSocket. Only a message's size is limited: do not use it on a network that
//! you do not trust.

mod server;

use std::{env, io, process::ExitCode};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address] = &arguments[..] else {
        eprintln!("usage: echo ADDRESS:PORT, for instance 127.0.0.1:9001; port 0 takes a free one");
        return ExitCode::FAILURE;
    };
    match run(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    server::serve(listener).await;
    Ok(())
}
