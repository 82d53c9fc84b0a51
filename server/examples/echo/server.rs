//! The echo server: hyper up to the upgrade, then one task per connection between the codec and the
//! socket. `tests/conformance` runs this file as well.

use hyper::{Response, StatusCode, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    future::ready,
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use websocket::{
    CLOSE_WITHOUT_CODE, Decoder, Event, HandshakeError, accept, close_frame, pong_frame,
    put_binary_frame, put_text_frame,
};

/// The largest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// The most bytes that one read takes.
const READ_BYTES: usize = 64 * 1024;

/// While this many bytes wait for a client that does not read, the client is not read either.
const MAX_WAITING: usize = 2 * MAX_MESSAGE;

/// How long a closed connection waits for the client's close frame.
const LINGER: Duration = Duration::from_secs(10);

/// How long to wait after an accept that failed, so that other connections can end.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// Serves for ever. Its connections end when it is dropped.
pub(crate) async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream))),
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    sleep(OUT_OF_FILES).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. An error of the socket means that the client has gone, and ends the
/// connection.
async fn connection(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let upgraded = AtomicBool::new(false);
    let service = service_fn(|request| {
        let answer = accept(request.method(), request.version(), request.headers());
        upgraded.store(answer.is_ok(), Relaxed);
        ready(Ok::<_, std::convert::Infallible>(
            answer.map_or_else(refused, |accepted| accepted.response()),
        ))
    });
    let http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let Ok(parts) = http.without_shutdown().await else { return };
    if upgraded.load(Relaxed) {
        let _ = echo(parts.io.into_inner(), parts.read_buf.into()).await;
    }
}

fn refused(why: HandshakeError) -> Response<String> {
    let mut response = Response::new(format!("{why}\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_VERSION, header::HeaderValue::from_static("13"));
    response
}

/// What happens to the bytes that the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Answered,
    /// A close frame is being sent: further bytes are ignored, but read, because a client that is
    /// still writing must be able to finish.
    Discarded,
    Over,
}

/// Answers frame after frame. Reads and writes at the same time, because a client may send all its
/// frames before it reads.
async fn echo(mut stream: TcpStream, mut early: Vec<u8>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut decoder = Decoder::new(MAX_MESSAGE);
    let mut out = Outbox::default();
    let mut input = answer(&mut decoder, &mut early, &mut out.waiting);
    let mut buffer = vec![0; READ_BYTES];
    while input == Input::Answered || !out.is_empty() {
        let may_read = input == Input::Discarded
            || input == Input::Answered && out.waiting.len() < MAX_WAITING;
        tokio::select! {
            read = reader.read(&mut buffer), if may_read => input = match (read?, input) {
                (0, _) => Input::Over,
                (len, Input::Answered) => answer(&mut decoder, &mut buffer[..len], &mut out.waiting),
                (_, input) => input,
            },
            written = writer.write(out.next()), if !out.is_empty() => out.written += written?,
        }
    }
    writer.shutdown().await?;
    let rest = async {
        while reader.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that does not close within this time is disconnected.
    let _ = timeout(LINGER, rest).await;
    Ok(())
}

/// Answers every event in `bytes`.
fn answer(decoder: &mut Decoder, bytes: &mut [u8], out: &mut Vec<u8>) -> Input {
    let mut at = 0;
    while at < bytes.len() {
        match decoder.decode(&mut bytes[at..]) {
            Ok((used, event)) => {
                at += used;
                match event {
                    None | Some(Event::Pong(_)) => {}
                    Some(Event::Text(text)) => put_text_frame(out, text.len(), |out| {
                        out.extend_from_slice(text.as_bytes())
                    }),
                    Some(Event::Binary(bytes)) => put_binary_frame(out, bytes),
                    Some(Event::Ping(payload)) => out.extend_from_slice(&pong_frame(payload)),
                    Some(Event::Close(close)) => {
                        out.extend_from_slice(
                            &close.map_or(CLOSE_WITHOUT_CODE, |close| close_frame(close.code, "")),
                        );
                        return Input::Discarded;
                    }
                }
            }
            Err(violation) => {
                out.extend_from_slice(&close_frame(violation.close_code(), &violation.to_string()));
                return Input::Discarded;
            }
        }
    }
    decoder.release();
    Input::Answered
}

/// Bytes for the client: some are being written while others are added.
#[derive(Debug, Default)]
struct Outbox {
    waiting: Vec<u8>,
    leaving: Vec<u8>,
    /// How many bytes of those that are being written were taken.
    written: usize,
}

impl Outbox {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.written == self.leaving.len()
    }

    fn next(&mut self) -> &[u8] {
        if self.written == self.leaving.len() {
            self.leaving = std::mem::take(&mut self.waiting);
            self.written = 0;
        }
        &self.leaving[self.written..]
    }
}
