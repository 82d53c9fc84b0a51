//! The client's address of a request: the address of the socket's other end, or, if that is a proxy
//! which the configuration trusts, the one that the proxy names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use protocol::ErrorCode;

use super::problem::Problem;
use crate::config::Networks;
use crate::gateway::Gateway;

/// The other end of the socket; `None`: it came through a Unix socket. The listener puts it into
/// each request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub Option<IpAddr>);

impl Peer {
    /// Whether it may say whom it speaks for: a proxy that the configuration trusts, or anything
    /// that may open the Unix socket.
    #[must_use]
    pub(crate) fn is_proxy(self, trusted: &Networks) -> bool {
        self.0.is_none_or(|address| trusted.contain(address))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.to_canonical().fmt(f),
            None => f.write_str("unix"),
        }
    }
}

/// The client's address, as far as it can be believed. An IPv4 address is never written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// From the socket and the request's header. Without a header, a client behind a Unix socket is
    /// one of this machine.
    #[must_use]
    pub(crate) fn of(peer: Peer, headers: &HeaderMap, trusted: &Networks) -> Self {
        Self(
            named(peer, headers, trusted)
                .or(peer.0)
                .unwrap_or(Ipv4Addr::LOCALHOST.into())
                .to_canonical(),
        )
    }

    /// The one that a proxy names; `None`: the peer is no proxy, or names no client.
    pub(super) fn named(peer: Peer, headers: &HeaderMap, trusted: &Networks) -> Option<Self> {
        named(peer, headers, trusted).map(|address| Self(address.to_canonical()))
    }
}

impl FromRequestParts<Arc<Gateway>> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, Problem> {
        let peer =
            parts.extensions.get().copied().ok_or_else(|| Problem::from(ErrorCode::Internal))?;
        Ok(Self::of(peer, &parts.headers, &gateway.config().access.trusted_proxies))
    }
}

/// Each proxy adds at the end of `X-Forwarded-For` whom it was asked by; what stands before that is
/// only what it was told. So the list is walked from its end for as long as the one who has written
/// is trusted.
fn named(peer: Peer, headers: &HeaderMap, trusted: &Networks) -> Option<IpAddr> {
    let mut named = None;
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !named.map_or(peer, |address| Peer(Some(address))).is_proxy(trusted) {
            break;
        }
        match address(text.trim()) {
            Some(address) => named = Some(address),
            None => break,
        }
    }
    named
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        address_of(Peer(Some(peer.parse().unwrap())), forwarded)
    }

    fn address_of(peer: Peer, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = Networks::parse(["10.0.0.0/8", "fd00::/8"]).unwrap();
        ClientAddress::of(peer, &headers, &trusted).0.to_string()
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(of("203.0.113.1", &[]), "203.0.113.1");
        assert_eq!(of("203.0.113.1", &["198.51.100.7"]), "203.0.113.1");
        assert_eq!(of("203.0.113.1", &["198.51.100.7, 10.0.0.1"]), "203.0.113.1");
    }

    #[test]
    fn a_trusted_proxy_names_its_client() {
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("fd00::1", &[" 2001:db8::5 "]), "2001:db8::5");
        assert_eq!(of("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["[2001:db8::5]:4711"]), "2001:db8::5");
        assert_eq!(of("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
        assert_eq!(of("10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn behind_a_unix_socket_is_a_proxy() {
        let through = |forwarded: &[&str]| address_of(Peer(None), forwarded);
        assert_eq!(through(&["198.51.100.7"]), "198.51.100.7");
        assert_eq!(through(&["203.0.113.9, 198.51.100.7", "10.0.0.1"]), "198.51.100.7");
        assert_eq!(through(&[]), "127.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_counts_for_nothing() {
        assert_eq!(of("10.0.0.1", &["127.0.0.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["127.0.0.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["10.0.0.9, 198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn proxies_behind_proxies_are_passed() {
        assert_eq!(of("10.0.0.1", &["198.51.100.7, 10.0.0.3", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn at_nonsense_the_walk_ends() {
        for nonsense in [
            "",
            "unknown",
            "198.51.100.7, ",
            "198.51.100.7, _hidden",
            "1.2.3.4.5",
            "198.51.100.7,,",
        ] {
            assert_eq!(of("10.0.0.1", &[nonsense]), "10.0.0.1", "{nonsense:?}");
        }
        assert_eq!(of("10.0.0.1", &["unknown, 10.0.0.2"]), "10.0.0.2");
    }

    proptest! {
        /// Whatever a client sends ahead, a trusted proxy's own entry decides.
        #[test]
        fn the_proxys_own_entry_decides(sent in "[ -~]{0,60}") {
            prop_assert_eq!(of("10.0.0.1", &[&format!("{sent},198.51.100.7")]), "198.51.100.7");
            prop_assert_eq!(of("10.0.0.1", &[&sent, "198.51.100.7"]), "198.51.100.7");
            prop_assert_eq!(of("203.0.113.1", &[&sent]), "203.0.113.1");
        }
    }
}
