//! HTTP/1.1 written by hand, on any stream, which stays open.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) async fn on(address: &str) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Asks for `path` with these additional header lines; returns head and body of the answer as they
/// were received.
pub(crate) async fn get(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
    headers: &str,
) -> String {
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())
        .await
        .unwrap();
    answer(stream).await
}

/// The next answer: head and body as they were received.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(answer.clone()).unwrap();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |len| len.parse().unwrap());
    let start = answer.len();
    answer.resize(start + len, 0);
    stream.read_exact(&mut answer[start..]).await.unwrap();
    String::from_utf8(answer).unwrap()
}
