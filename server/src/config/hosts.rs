//! Names of hosts, compared as DNS compares them: without port, case and trailing dot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::authority::Authority;
use super::list::List;

/// What a host is called by: a name, or its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// Lower case, without a trailing dot.
    Domain(String),
    /// Two ways of writing an address are the same one.
    Address(IpAddr),
}

impl HostName {
    /// The host of `authority`.
    #[must_use]
    pub fn of(authority: &Authority) -> Self {
        let host = authority.host();
        let address = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().map(IpAddr::from),
            None => host.parse::<Ipv4Addr>().map(IpAddr::from),
        };
        address.map_or_else(
            |_| Self::Domain(host.strip_suffix('.').unwrap_or(host).to_owned()),
            Self::Address,
        )
    }

    /// `None` for what is no name: a port, a scheme, a path.
    fn parse(text: &str) -> Option<Self> {
        let bare = text.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        bare.or_else(|| {
            Authority::parse(text)
                .filter(|authority| authority.port().is_none())
                .map(|authority| Self::of(&authority))
        })
    }

    /// Whether it can only be the machine on which it is used: `localhost`, a name below it,
    /// `127.0.0.0/8` or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Domain(name) => name.clone(),
            Self::Address(IpAddr::V4(address)) => address.to_string(),
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
        }
    }
}

/// Names of hosts.
pub(super) const HOSTS: List<HostName> = List {
    parse: HostName::parse,
    show: HostName::show,
    allowed: "a list of names or addresses without scheme and port, such as [\"gateway.example.com\", \"192.0.2.1\", \"[2001:db8::1]\"] (in a \
              variable separated by commas)",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kind::{Found, Kind};

    fn name(text: &str) -> HostName {
        HostName::of(&Authority::parse(text).unwrap())
    }

    #[test]
    fn port_case_and_trailing_dot_make_no_difference() {
        for same in ["a.example", "A.Example", "a.example.", "a.example:8080", "A.EXAMPLE.:443"] {
            assert_eq!(name(same), name("a.example"), "{same}");
        }
        assert_eq!(name("[::1]:3000"), name("[0:0:0:0:0:0:0:1]"));
        for other in ["b.example", "a.example..", "xa.example", "a.example.evil.example"] {
            assert_ne!(name(other), name("a.example"), "{other}");
        }
    }

    #[test]
    fn loopback_is_only_what_cannot_be_elsewhere() {
        for loopback in [
            "localhost",
            "LOCALHOST.:3000",
            "app.localhost",
            "127.0.0.1:3000",
            "127.9.9.9",
            "[::1]:3000",
        ] {
            assert!(name(loopback).is_loopback(), "{loopback}");
        }
        for other in [
            "localhost.example",
            "notlocalhost",
            "127.0.0.1.example",
            "0.0.0.0",
            "[::2]",
            "[::ffff:127.0.0.1]",
            "localhost..",
        ] {
            assert!(!name(other).is_loopback(), "{other}");
        }
    }

    #[test]
    fn lists_are_read_and_written() {
        let list =
            HOSTS.read(&Found::Text("Gateway.Example., 192.0.2.1, [2001:DB8::1], ::1")).unwrap();
        assert_eq!(
            HOSTS.show(&list),
            r#"["gateway.example", "192.0.2.1", "[2001:db8::1]", "[::1]"]"#
        );
        assert_eq!(HOSTS.read(&Found::Text("")), Some(Vec::new()));
        for bad in
            ["https://a.example", "a.example:443", "a.example/x", "*", "a b", "u@a.example", "[::1"]
        {
            assert_eq!(HOSTS.read(&Found::Text(bad)), None, "{bad}");
        }
    }
}
