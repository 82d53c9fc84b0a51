//! The bytes of a WebSocket over TCP, plain or in TLS. Relies on tokio's sockets, whose
//! non-blocking writes work from any task, and on a rustls session without I/O of its own.
//!
//! Plain bytes go from one buffer to all sockets. In TLS they are encrypted for one connection
//! alone: reader and writers share the session's lock, held while bytes are encrypted or decrypted
//! and during the non-blocking write, never over an await. At most one chunk (64 KiB, rustls's
//! limit for what it holds) is encrypted ahead of the socket.

mod halves;
#[cfg(test)]
pub(crate) mod pipe;

use bytes::Bytes;
use halves::{ReadHalf, WriteHalf};
use parking_lot::Mutex;
use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, ErrorKind, IoSlice, Read, Write},
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{io::ReadBuf, net::TcpStream};
use tokio_rustls::rustls::ServerConnection;

/// What one read may bring, in bytes.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    static DECRYPTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Takes a stream apart.
pub(crate) fn plain(stream: TcpStream) -> (Incoming, Outgoing) {
    let (read, write) = halves::split(stream);
    (Incoming { socket: read, session: None }, Outgoing { socket: write, session: None })
}

/// Takes a stream apart, and goes on with its TLS session. The bytes are those that have been
/// decrypted already.
pub(crate) fn encrypted(stream: TcpStream, tls: ServerConnection) -> (Incoming, Outgoing, Bytes) {
    let (read, write) = halves::split(stream);
    let mut session = Session { tls, unsent: 0 };
    let mut early = Vec::new();
    // What is wrong with it shows at the first read.
    let _ = session.take_decrypted(&mut early);
    let session = Arc::new(Mutex::new(session));
    (
        Incoming { socket: read, session: Some(session.clone()) },
        Outgoing { socket: write, session: Some(session) },
        early.into(),
    )
}

/// The way in.
pub(crate) struct Incoming {
    socket: ReadHalf,
    session: Option<Arc<Mutex<Session>>>,
}

impl Incoming {
    /// One read into the thread's buffer; `take` gets what it brought, never nothing.
    ///
    /// # Errors
    /// The socket's or the session's; `UnexpectedEof` at the end.
    pub(crate) fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> T,
    ) -> Poll<io::Result<T>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            loop {
                let mut target = ReadBuf::new(buffer);
                ready!(self.socket.poll_read(cx, &mut target))?;
                let len = target.filled().len();
                if len == 0 {
                    return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
                }
                let Some(session) = &self.session else {
                    return Poll::Ready(Ok(take(&mut buffer[..len])));
                };
                let decrypted = DECRYPTED.with_borrow_mut(|decrypted| {
                    decrypted.clear();
                    let open =
                        session.lock().decrypt(&buffer[..len], decrypted, self.socket.tcp())?;
                    Ok::<_, io::Error>(if decrypted.is_empty() {
                        Err(open)
                    } else {
                        Ok(std::mem::take(decrypted))
                    })
                })?;
                match decrypted {
                    Ok(mut bytes) => {
                        let taken = take(&mut bytes);
                        DECRYPTED.set(bytes);
                        return Poll::Ready(Ok(taken));
                    }
                    Err(Stream::Open) => {}
                    Err(Stream::Closed) => {
                        return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
                    }
                }
            }
        })
    }

    /// Reads to the end, whatever comes.
    pub(crate) async fn drain(&mut self) {
        let mut read = |cx: &mut Context<'_>| {
            READ_BUFFER.with_borrow_mut(|buffer| {
                let mut target = ReadBuf::new(buffer);
                self.socket.poll_read(cx, &mut target).map_ok(|()| target.filled().len())
            })
        };
        while poll_fn(&mut read).await.is_ok_and(|n| n > 0) {}
    }
}

/// The way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    socket: WriteHalf,
    session: Option<Arc<Mutex<Session>>>,
}

impl Outgoing {
    /// How many bytes of both were taken; a full socket takes 0. In TLS, what was taken may be
    /// [`Outgoing::unsent`].
    pub(crate) fn write(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        if let Some(session) = &self.session {
            return session.lock().write(first, second, self.socket.tcp());
        }
        none_if_full(match (first, second) {
            (only, []) | ([], only) => self.socket.try_write(only),
            (first, second) => {
                self.socket.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
            }
        })
    }

    /// Touches the memory that a write needs.
    pub(crate) fn approach(&self) {
        self.socket.approach();
    }

    /// Bytes that were taken and wait for the socket; an upper bound.
    pub(crate) fn unsent(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.lock().unsent)
    }

    /// Goes on with them. True: there are none any more.
    pub(crate) fn flush(&self) -> io::Result<bool> {
        self.session.as_ref().map_or(Ok(true), |session| session.lock().push(self.socket.tcp()))
    }

    /// Waits until the socket may take bytes. Cancel-safe.
    pub(crate) async fn writable(&self) {
        poll_fn(|cx| self.socket.poll_writable(cx)).await;
    }

    /// In TLS, the last thing to be said; [`Outgoing::flush`] it.
    pub(crate) fn say_goodbye(&self) {
        if let Some(session) = &self.session {
            let mut session = session.lock();
            session.tls.send_close_notify();
            session.unsent += 1;
        }
    }

    /// Tells the client that nothing more will come. Its own bytes can still be read.
    pub(crate) fn finish(&self) {
        self.socket.finish();
    }
}

#[derive(Debug)]
struct Session {
    tls: ServerConnection,
    /// Bytes that were encrypted since rustls held nothing.
    unsent: usize,
}

enum Stream {
    Open,
    /// The client has said goodbye.
    Closed,
}

impl Session {
    fn write(
        &mut self,
        mut first: &[u8],
        mut second: &[u8],
        socket: &TcpStream,
    ) -> io::Result<usize> {
        let mut taken = 0;
        while self.push(socket)? && !(first.is_empty() && second.is_empty()) {
            let n =
                self.tls.writer().write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?;
            self.unsent = n;
            taken += n;
            let of_first = n.min(first.len());
            first = &first[of_first..];
            second = &second[n - of_first..];
        }
        Ok(taken)
    }

    /// Sends what is encrypted. True: all of it is with the kernel.
    fn push(&mut self, socket: &TcpStream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut NonBlocking(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.unsent = 0;
        Ok(true)
    }

    fn decrypt(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        socket: &TcpStream,
    ) -> io::Result<Stream> {
        let mut stream = Stream::Open;
        while !bytes.is_empty() && self.tls.read_tls(&mut bytes)? > 0 {
            let state = self.tls.process_new_packets().map_err(|error| {
                // The alert that says why, where the socket takes it.
                let _ = self.tls.write_tls(&mut NonBlocking(socket));
                io::Error::new(ErrorKind::InvalidData, error)
            })?;
            self.take_decrypted(out)?;
            if state.peer_has_closed() {
                stream = Stream::Closed;
            }
        }
        Ok(stream)
    }

    fn take_decrypted(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.tls.reader().read_to_end(out) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }
}

/// A socket for rustls to write to.
struct NonBlocking<'a>(&'a TcpStream);

impl Write for NonBlocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn none_if_full(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
