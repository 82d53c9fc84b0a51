//! The socket of an HTTP connection. Whatever it carries (HTTP, or TLS around it), it tells when
//! the client was heard, ends a write that the client does not take, and closes in a way that the
//! client sees the last answer. An upgrade takes the TCP stream out of it.

use crate::admission::Visitor;
use hub::clock::Clock;
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// A client that takes fewer bytes in a second than this, and waits for more, stands still.
const LEAST_RATE: u64 = 1024;

/// What the kernel holds of an answer besides what is under way. With more, what the client takes
/// would show too late here.
const UNSENT: u32 = 64 * 1024;

/// How long the other side may take to close after the last answer. A socket that is closed with
/// something unread resets the connection, and the client might never see why.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP stream that HTTP is spoken on.
#[derive(Debug)]
pub(crate) struct HttpStream {
    tcp: TcpStream,
    visitor: Arc<Visitor>,
    clock: Clock,
    /// How long a write may wait.
    patience: Duration,
    /// While the client does not take what there is for it.
    stalled: Option<Stalled>,
    /// After the last answer.
    lingering: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Stalled {
    gives_up: Pin<Box<Sleep>>,
    /// Bytes that were taken since.
    taken: u64,
}

impl HttpStream {
    /// Around `tcp`. A write that makes no progress for `patience` ends the connection.
    #[must_use]
    pub(crate) fn new(
        tcp: TcpStream,
        visitor: Arc<Visitor>,
        clock: Clock,
        patience: Duration,
    ) -> Self {
        limit_unsent(&tcp, UNSENT);
        Self { tcp, visitor, clock, patience, stalled: None, lingering: None }
    }

    /// The TCP stream as it was.
    #[must_use]
    pub(crate) fn into_tcp(self) -> TcpStream {
        limit_unsent(&self.tcp, 0);
        self.tcp
    }

    /// What a write has come to.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else { return self.stand_still(cx).map(Err) };
        if let (Ok(bytes), Some(stalled)) = (&written, &mut self.stalled) {
            stalled.taken += *bytes as u64;
            if stalled.taken >= least(self.patience) {
                stalled.taken = 0;
                stalled.gives_up.as_mut().reset(Instant::now() + self.patience);
            }
        }
        Poll::Ready(written)
    }

    /// Until the client has had its time.
    fn stand_still(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Stalled { gives_up: Box::pin(sleep(patience)), taken: 0 });
        ready!(stalled.gives_up.as_mut().poll(cx));
        // What it did not take is not kept for it either.
        let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        Poll::Ready(ErrorKind::TimedOut.into())
    }
}

/// How many bytes a client takes in this time at least.
fn least(patience: Duration) -> u64 {
    (patience.as_millis() as u64 * LEAST_RATE / 1000).max(1)
}

/// 0: as the system has it. It makes no difference if the system does not know that: it shows later
/// what a client has taken.
fn limit_unsent(tcp: &TcpStream, bytes: u32) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(bytes);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (tcp, bytes);
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.visitor.hear(self.clock.now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// Comes when the socket has taken everything.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stalled = None;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(cx))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut discarded = [MaybeUninit::uninit(); 1024];
        while lingering.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::uninit(&mut discarded);
            match ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    const PATIENCE: Duration = Duration::from_millis(200);

    async fn pair() -> (HttpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let clock = Clock::start();
        let place = Admission::http_only(1, clock).http(None).await;
        (
            HttpStream::new(
                listener.accept().await.unwrap().0,
                place.visitor().clone(),
                clock,
                PATIENCE,
            ),
            client,
        )
    }

    #[tokio::test]
    async fn a_write_that_is_not_taken_ends() {
        let (mut stream, _client) = pair().await;
        let error = stream.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    /// Far longer than the time for no progress.
    #[tokio::test]
    async fn a_slow_reader_that_goes_on_gets_everything() {
        const BYTES: usize = 4 << 20;
        let (mut stream, mut client) = pair().await;
        let reading = tokio::spawn(async move {
            let mut read = 0;
            let mut buffer = vec![0; 64 << 10];
            while read < BYTES {
                read += client.read(&mut buffer).await.unwrap();
                // The reader is slow.
                sleep(PATIENCE / 20).await;
            }
        });
        let start = Instant::now();
        stream.write_all(&vec![0; BYTES]).await.unwrap();
        stream.flush().await.unwrap();
        reading.await.unwrap();
        assert!(start.elapsed() > PATIENCE * 2, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_reader_that_takes_next_to_nothing_is_let_go() {
        let (mut stream, mut client) = pair().await;
        let reading = tokio::spawn(async move {
            while client.read_u8().await.is_ok() {
                // One byte now and then.
                sleep(PATIENCE / 20).await;
            }
        });
        assert_eq!(
            stream.write_all(&vec![0; 64 << 20]).await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        drop(stream);
        reading.abort();
    }

    #[tokio::test]
    async fn the_last_answer_arrives_although_something_is_unread() {
        let (mut stream, mut client) = pair().await;
        client.write_all(&[b'x'; 100_000]).await.unwrap();
        stream.write_all(b"why").await.unwrap();
        let closing = tokio::spawn(async move { stream.shutdown().await });
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"why");
        drop(client);
        closing.await.unwrap().unwrap();
    }
}
