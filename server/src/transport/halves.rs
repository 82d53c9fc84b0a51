//! The two ends of a socket that a connection holds: TCP's, and in tests those of a pipe in memory,
//! so that whole connections run on virtual time.

#[cfg(test)]
use super::pipe;
use socket2::SockRef;
use std::{
    hint::black_box,
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, Interest, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

pub(super) fn split(stream: TcpStream) -> (ReadHalf, WriteHalf) {
    let (read, write) = stream.into_split();
    (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
}

#[derive(Debug)]
pub(super) enum ReadHalf {
    Tcp(OwnedReadHalf),
    #[cfg(test)]
    Pipe(pipe::ReadHalf),
}

impl ReadHalf {
    /// Nothing read: the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, target),
            #[cfg(test)]
            Self::Pipe(pipe) => pipe.poll_read(cx, target),
        }
    }

    /// The socket itself; TLS runs on no other.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket.as_ref(),
            #[cfg(test)]
            Self::Pipe(_) => unreachable!("a pipe has no TLS"),
        }
    }
}

#[derive(Debug)]
pub(super) enum WriteHalf {
    Tcp(OwnedWriteHalf),
    #[cfg(test)]
    Pipe(pipe::WriteHalf),
}

impl WriteHalf {
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write(bytes),
            #[cfg(test)]
            Self::Pipe(pipe) => pipe.try_write(bytes),
        }
    }

    /// Touches the memory that a write needs.
    pub(super) fn approach(&self) {
        match self {
            Self::Tcp(socket) => {
                drop(black_box(socket.as_ref().try_io(Interest::WRITABLE, || Ok(()))))
            }
            #[cfg(test)]
            Self::Pipe(_) => {}
        }
    }

    pub(super) fn try_write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(bytes),
            #[cfg(test)]
            Self::Pipe(pipe) => pipe.try_write(
                &bytes.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>(),
            ),
        }
    }

    /// Until it may take bytes; an error shows at the next write. For one task. Polled instead of
    /// tokio's `writable`, whose future would take 200 bytes of each connection's task.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(socket) => socket.as_ref().poll_write_ready(cx).map(drop),
            #[cfg(test)]
            Self::Pipe(pipe) => pipe.poll_writable(cx),
        }
    }

    /// Nothing more will be written. It fails where the connection is gone, which is as good.
    pub(super) fn finish(&self) {
        match self {
            Self::Tcp(socket) => drop(SockRef::from(socket.as_ref()).shutdown(Shutdown::Write)),
            #[cfg(test)]
            Self::Pipe(pipe) => pipe.finish(),
        }
    }

    /// The socket itself; TLS runs on no other.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket.as_ref(),
            #[cfg(test)]
            Self::Pipe(_) => unreachable!("a pipe has no TLS"),
        }
    }
}
