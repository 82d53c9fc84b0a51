//! TCP listeners.

use super::ListenError;
use crate::config::ListenAddress;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{Ipv6Addr, SocketAddr, TcpListener},
};

/// Connections that wait to be accepted; the kernel takes less if `net.core.somaxconn` is lower.
const BACKLOG: i32 = 4096;

/// How often a free port is looked for that is free on all addresses.
const ATTEMPTS: usize = 16;

/// Listens on all of these. Those with port 0 get the same free port.
pub(super) fn open(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut attempts = 1..=ATTEMPTS;
    loop {
        let last = attempts.next().is_none_or(|attempt| attempt == ATTEMPTS);
        match open_once(addresses) {
            Err((address, reason))
                if last || reason.kind() != io::ErrorKind::AddrInUse || address.port() != 0 =>
            {
                return Err(ListenError::Address { address: ListenAddress::Tcp(address), reason });
            }
            Err(_) => {}
            Ok(listeners) => return Ok(listeners),
        }
    }
}

fn open_once(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let has_ipv4 = addresses.iter().any(SocketAddr::is_ipv4);
    let mut free_port = 0;
    let mut listeners = Vec::new();
    for address in addresses {
        let port = if address.port() == 0 { free_port } else { address.port() };
        let bound = bind(SocketAddr::new(address.ip(), port), has_ipv4)
            .and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = bound.map_err(|reason| (*address, reason))?;
        if address.port() == 0 {
            free_port = port;
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

/// `only_v6`: an IPv6 listener leaves IPv4 to the others. Else `[::]` takes both, as the system is
/// set up.
fn bind(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart need not wait for connections of the process before it. Elsewhere than on Unix it
    // would share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && only_v6 {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether this machine has an IPv6 loopback address.
pub(super) fn has_ipv6() -> bool {
    let bound = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))
        .and_then(|socket| socket.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into()));
    bound.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_the_same_on_all_addresses() {
        let addresses =
            ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"].map(|address| address.parse().unwrap());
        let listeners = open(&addresses).unwrap();
        let ports: Vec<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(ports[0] != 0 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    }

    #[test]
    fn an_address_in_use_is_named() {
        let taken = open(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = taken[0].local_addr().unwrap();
        let refused = open(&["127.0.0.1:0".parse().unwrap(), address]).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("cannot listen on {address}: Address already in use")),
            "{refused}"
        );
    }

    #[test]
    fn all_addresses_of_both_families() {
        if has_ipv6() {
            assert_eq!(
                open(&["0.0.0.0:0".parse().unwrap(), "[::]:0".parse().unwrap()]).unwrap().len(),
                2
            );
        }
    }
}
