//! Web origins: scheme, host and port, compared as a browser compares them.

use std::fmt;
use std::net::IpAddr;

/// A web origin, `scheme://host[:port]`. Case of scheme and host, and a port that the scheme
/// implies, make no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// Lower case; an IPv6 address in brackets.
    host: String,
    /// `None` only where none is given and the scheme implies none.
    port: Option<u16>,
}

impl Origin {
    /// `None` for what is not an origin: `null`, a path, a user, a query, an empty host.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(letters) {
            return None;
        }
        let (host, port) = parse_authority(authority)?;
        let port = port.or_else(|| default_port(&scheme));
        Some(Self { scheme, host, port })
    }

    /// Whether a request whose `Host` header is `authority` went to this origin's host and port.
    ///
    /// The request does not tell its scheme (a proxy may have ended TLS before), so a `Host`
    /// without a port is given the one of this origin's scheme.
    pub fn is_host(&self, authority: &str) -> bool {
        parse_authority(authority).is_some_and(|(host, port)| host == self.host && port.or_else(|| default_port(&self.scheme)) == self.port)
    }

    /// Whether its host can only be the reader's own machine.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if default_port(&self.scheme) != Some(port) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// The origins that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// `"*"`: every origin, `null` included.
    Any,
    /// These, besides those that always pass.
    Only(Vec<Origin>),
}

impl Default for AllowedOrigins {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Host in lower case and the port where one is written.
fn parse_authority(authority: &str) -> Option<(String, Option<u16>)> {
    let host_end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']')? + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    let port = match rest.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        None if rest.is_empty() => None,
        _ => return None,
    };
    is_host_name(host).then(|| (host.to_ascii_lowercase(), port))
}

fn is_host_name(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    #[test]
    fn what_is_not_an_origin_is_none() {
        for text in [
            "",
            "null",
            "example.com",
            "https://",
            "https:///",
            "https://a.example/",
            "https://a.example/x",
            "https://u@a.example",
            "https://a.example?x",
            "https://a.example:",
            "https://a.example:x",
            "https://a.example:65536",
            "https://[::1",
            "https://[zz]",
            "1http://a.example",
            "https://a b",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn case_and_implied_ports_make_no_difference() {
        assert_eq!(origin("HTTPS://App.Example:443"), origin("https://app.example"));
        assert_eq!(origin("http://a.example:80").to_string(), "http://a.example");
        assert_ne!(origin("http://a.example"), origin("https://a.example"));
        assert_ne!(origin("http://a.example:443"), origin("https://a.example"));
        assert_eq!(origin("http://[::1]:3000").to_string(), "http://[::1]:3000");
    }

    #[test]
    fn the_host_of_the_request_is_compared_with_its_port() {
        assert!(origin("http://a.example").is_host("a.example"));
        assert!(origin("http://a.example").is_host("A.example:80"));
        assert!(origin("https://a.example").is_host("a.example"));
        assert!(origin("https://a.example").is_host("a.example:443"));
        assert!(origin("http://[::1]:3000").is_host("[::1]:3000"));
        assert!(!origin("http://a.example").is_host("a.example:3000"));
        assert!(!origin("http://a.example:3000").is_host("a.example"));
        assert!(!origin("http://a.example").is_host("b.example"));
        assert!(!origin("http://a.example").is_host(""));
    }

    #[test]
    fn loopback_is_only_what_cannot_be_elsewhere() {
        for text in ["http://localhost:5173", "http://app.localhost", "https://127.0.0.1", "http://127.9.9.9:1", "http://[::1]"] {
            assert!(origin(text).is_loopback(), "{text}");
        }
        for text in ["http://localhost.example", "http://notlocalhost", "http://127.0.0.1.example", "http://0.0.0.0", "http://[::2]"] {
            assert!(!origin(text).is_loopback(), "{text}");
        }
    }
}
