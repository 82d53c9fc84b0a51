//! Listeners in the runtime.

use super::{Bound, Listeners};
use crate::http;
use std::{io, net::IpAddr};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use {super::unix::File, std::os::fd::OwnedFd, tokio::net::UnixListener};

/// One listener.
#[derive(Debug)]
pub(in crate::serve) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// All listeners.
#[derive(Debug)]
pub(in crate::serve) struct Started {
    pub(in crate::serve) clients: Vec<Listener>,
    pub(in crate::serve) admin: Option<Listener>,
    pub(in crate::serve) files: SocketFiles,
}

/// The files of Unix sockets, which are removed when this is dropped: at the end of the process,
/// whatever its tasks do then.
#[derive(Debug, Default)]
pub(in crate::serve) struct SocketFiles(#[cfg(unix)] Vec<File>);

impl Listeners {
    /// Within a runtime, which watches them from now on.
    ///
    /// # Errors
    /// The runtime cannot watch one of them.
    pub(in crate::serve) fn start(self) -> io::Result<Started> {
        let mut files = SocketFiles::default();
        let clients = self
            .clients
            .into_iter()
            .map(|bound| bound.start(&mut files))
            .collect::<io::Result<_>>()?;
        let admin = self.admin.map(|admin| Bound::Tcp(admin).start(&mut files)).transpose()?;
        Ok(Started { clients, admin, files })
    }
}

impl Bound {
    fn start(
        self,
        #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix sockets have files"))]
        files: &mut SocketFiles,
    ) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Listener::Tcp(TcpListener::from_std(socket)?))
            }
            #[cfg(unix)]
            Self::Unix(super::unix::Bound { socket, file }) => {
                files.0.extend(file);
                socket.set_nonblocking(true)?;
                Ok(Listener::Unix(UnixListener::from_std(socket)?))
            }
        }
    }
}

impl Listener {
    /// What its requests have to know of it. A loopback address that cannot be read is taken for
    /// one, which refuses more.
    pub(in crate::serve) fn kind(&self) -> http::Listener {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or(http::Listener { is_loopback: true }, http::Listener::at),
            #[cfg(unix)]
            Self::Unix(_) => http::Listener { is_loopback: false },
        }
    }

    /// The next connection, and the address of its other end; `None`: it came through a Unix
    /// socket. Cancel-safe.
    ///
    /// # Errors
    /// Those of one connection, and those of the system, which has no descriptor left for instance.
    pub(in crate::serve) async fn accept(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // It fails for a connection that has ended already, which shows at the first read.
                let _ = stream.set_nodelay(true);
                Ok((stream, Some(peer.ip())))
            }
            // One type for both keeps a case out of each write of a message: to the kernel they are
            // stream sockets, and reading, writing and shutting down is all that is
            // done with them.
            #[cfg(unix)]
            Self::Unix(listener) => {
                let stream = OwnedFd::from(listener.accept().await?.0.into_std()?);
                Ok((TcpStream::from_std(stream.into())?, None))
            }
        }
    }
}
