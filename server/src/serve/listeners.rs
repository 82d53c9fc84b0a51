//! Where clients and operators come in: opens what the configuration names, or takes over the
//! sockets that systemd hands to the process. Without a runtime: all of it happens once, before
//! anything else.

mod accept;
mod handed_over;
mod tcp;
#[cfg(unix)]
mod unix;

pub(super) use accept::{Listener, SocketFiles, Started};

use crate::config::{Config, ListenAddress};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address of the configuration.
    #[error("cannot listen on {address}: {reason}")]
    Address {
        /// Where it should listen.
        address: ListenAddress,
        /// What the operating system says.
        reason: io::Error,
    },
    /// A socket that systemd handed over.
    #[error("cannot use socket {number} of LISTEN_FDS: {reason}")]
    HandedOver {
        /// Which one, from 0.
        number: usize,
        /// What is wrong with it.
        reason: io::Error,
    },
}

/// All open listeners. Dropped, they are closed, and the files of Unix sockets removed.
#[derive(Debug)]
pub struct Listeners {
    /// For clients. TCP comes first.
    clients: Vec<Bound>,
    /// For operators, if they have one of their own; it has no TLS.
    admin: Option<TcpListener>,
}

/// A socket that listens, outside of the runtime.
#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::Bound),
}

impl Listeners {
    /// Opens everything that `config` names. Sockets that systemd hands over (`LISTEN_FDS`) take
    /// the place of `listen`.
    ///
    /// It changes the environment: call it while no other thread reads that.
    ///
    /// # Errors
    /// [`ListenError`] names the address and the reason.
    pub fn open(config: &Config) -> Result<Self, ListenError> {
        let mut clients = handed_over::take()?;
        if clients.is_empty() {
            clients = open(&config.listen)?;
        }
        clients.sort_by_key(|listener| !matches!(listener, Bound::Tcp(_)));
        let admin = config.http.admin_listen.map(|address| tcp::open(&[address])).transpose()?;
        Ok(Self { clients, admin: admin.and_then(|mut admin| admin.pop()) })
    }

    /// Where clients come in. TCP comes first.
    #[must_use]
    pub fn addresses(&self) -> Vec<ListenAddress> {
        self.clients.iter().map(Bound::address).collect()
    }

    /// Where operators come in, if they have a listener of their own.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }
}

impl Bound {
    fn address(&self) -> ListenAddress {
        match self {
            // It fails for no socket that listens.
            Self::Tcp(socket) => ListenAddress::Tcp(
                socket.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))),
            ),
            #[cfg(unix)]
            Self::Unix(socket) => ListenAddress::Unix(socket.path()),
        }
    }
}

fn open(addresses: &[ListenAddress]) -> Result<Vec<Bound>, ListenError> {
    let mut tcp_addresses = Vec::new();
    let mut listeners = Vec::new();
    for address in addresses {
        match address {
            ListenAddress::Tcp(address) => tcp_addresses.push(*address),
            #[cfg(unix)]
            ListenAddress::Unix(path) => {
                let opened = unix::Bound::open(path);
                listeners.push(Bound::Unix(opened.map_err(|reason| ListenError::Address {
                    address: address.clone(),
                    reason,
                })?));
            }
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => {
                return Err(ListenError::Address {
                    address: address.clone(),
                    reason: io::ErrorKind::Unsupported.into(),
                });
            }
        }
    }
    if addresses == Config::default().listen {
        tcp_addresses.retain(|address| address.is_ipv4() || tcp::has_ipv6());
    }
    listeners.extend(tcp::open(&tcp_addresses)?.into_iter().map(Bound::Tcp));
    Ok(listeners)
}
