//! One HTTP request on a connection of its own.

use crate::socket::{PATIENCE, Socket};
use anyhow::{Context, Result};
use std::{net::SocketAddr, str};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// The key of backends.
pub(super) const KEY: &str = "the-key-of-a-backend-under-soak";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body as it was sent: complete if its length was announced, otherwise in chunks.
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        .await
}

pub(super) async fn post(address: SocketAddr, path: &str, key: &str, body: &str) -> Result<Answer> {
    let len = body.len();
    ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        ),
    )
    .await
}

async fn ask(address: SocketAddr, request: &str) -> Result<Answer> {
    let whole = async {
        let mut stream = Socket::tcp(address, None).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(answer)
    };
    let line = || request.lines().next().unwrap_or_default().to_owned();
    timeout(PATIENCE, whole).await.context("no answer in time").flatten().with_context(line)
}

fn parse(mut answer: Vec<u8>) -> Result<Answer> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("no head")?;
    let head = str::from_utf8(&answer[..end])?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer { status, body: answer.split_off(end + 4) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_status_and_body() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\na: b\r\n\r\nnothing".to_vec()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"nothing"[..]));
        assert!(parse(b"HTTP/1.1 200 OK\r\n".to_vec()).is_err());
    }
}
