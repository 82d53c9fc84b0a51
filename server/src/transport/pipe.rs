//! A client at the other end of a pipe in memory: as a socket with a small buffer in each
//! direction, without a kernel and without time of its own. For tests of whole connections.

use super::{Incoming, Outgoing, halves};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::{io::ReadBuf, time::Instant};

/// The client's end. Dropped, the connection is reset.
#[derive(Debug)]
pub(crate) struct Client(Arc<Mutex<Pipe>>);

#[derive(Debug)]
pub(super) struct ReadHalf(Arc<Mutex<Pipe>>);

#[derive(Debug)]
pub(super) struct WriteHalf(Arc<Mutex<Pipe>>);

#[derive(Debug)]
struct Pipe {
    to_server: VecDeque<u8>,
    client_is_gone: bool,
    reader: Option<Waker>,
    /// What the server has written, each write with its moment.
    to_client: VecDeque<(Instant, Vec<u8>)>,
    waiting: usize,
    capacity: usize,
    /// The server was told that the pipe is full.
    was_full: bool,
    server_is_done: bool,
    writer: Option<Waker>,
}

impl Client {
    /// Both ends. The server may write `capacity` bytes that the client has not taken.
    pub(crate) fn open(capacity: usize) -> (Self, (Incoming, Outgoing)) {
        let pipe = Arc::new(Mutex::new(Pipe {
            to_server: VecDeque::new(),
            client_is_gone: false,
            reader: None,
            to_client: VecDeque::new(),
            waiting: 0,
            capacity,
            was_full: false,
            server_is_done: false,
            writer: None,
        }));
        let incoming =
            Incoming { socket: halves::ReadHalf::Pipe(ReadHalf(pipe.clone())), session: None };
        let outgoing =
            Outgoing { socket: halves::WriteHalf::Pipe(WriteHalf(pipe.clone())), session: None };
        (Self(pipe), (incoming, outgoing))
    }

    /// Sends bytes.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut pipe = self.0.lock();
        pipe.to_server.extend(bytes);
        wake(&mut pipe.reader);
    }

    /// The next bytes of one write, `limit` at most, and when they were written.
    pub(crate) fn take(&self, limit: usize) -> Option<(Instant, Vec<u8>)> {
        let mut pipe = self.0.lock();
        let (written, bytes) = pipe.to_client.front_mut()?;
        let rest = bytes.split_off(limit.min(bytes.len()));
        let taken = (*written, std::mem::replace(bytes, rest));
        if bytes.is_empty() {
            pipe.to_client.pop_front();
        }
        pipe.waiting -= taken.1.len();
        wake(&mut pipe.writer);
        Some(taken)
    }

    /// Whether the server has ever found the pipe full.
    pub(crate) fn was_full(&self) -> bool {
        self.0.lock().was_full
    }

    /// The server will write nothing more, and everything was taken.
    pub(crate) fn is_at_end(&self) -> bool {
        let pipe = self.0.lock();
        pipe.server_is_done && pipe.to_client.is_empty()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut pipe = self.0.lock();
        pipe.client_is_gone = true;
        wake(&mut pipe.reader);
        wake(&mut pipe.writer);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl ReadHalf {
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock();
        if pipe.to_server.is_empty() && !pipe.client_is_gone {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = target.remaining().min(pipe.to_server.len());
        let bytes: Vec<u8> = pipe.to_server.drain(..count).collect();
        target.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl WriteHalf {
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.client_is_gone || pipe.server_is_done {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(pipe.capacity - pipe.waiting);
        pipe.was_full |= count < bytes.len();
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.waiting += count;
        pipe.to_client.push_back((Instant::now(), bytes[..count].to_vec()));
        Ok(count)
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut pipe = self.0.lock();
        if pipe.waiting < pipe.capacity || pipe.client_is_gone {
            return Poll::Ready(());
        }
        pipe.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn finish(&self) {
        self.0.lock().server_is_done = true;
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        self.finish();
    }
}
