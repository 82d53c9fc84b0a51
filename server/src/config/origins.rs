//! Web origins: scheme, host and port, compared as a browser compares them.

use std::fmt;
use std::net::IpAddr;

use super::authority::Authority;

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
        let authority = Authority::parse(authority)?;
        let port = authority.port().or_else(|| default_port(&scheme));
        Some(Self { scheme, host: authority.host().to_owned(), port })
    }

    /// The origin of a whole URL, as browsers write it into `Referer`; `None` for what has none, or
    /// a user in it.
    pub fn of_url(url: &str) -> Option<Self> {
        let authority = url.find("://")? + "://".len();
        let end =
            url[authority..].find(['/', '?', '#']).map_or(url.len(), |length| authority + length);
        Self::parse(&url[..end])
    }

    /// Whether a request to `authority` went to this origin's host and port.
    ///
    /// The request does not tell its scheme (a proxy may have ended TLS before), so an authority
    /// without a port is given the one of this origin's scheme.
    pub fn is_host(&self, authority: &Authority) -> bool {
        authority.host() == self.host
            && authority.port().or_else(|| default_port(&self.scheme)) == self.port
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
    fn the_origin_of_a_url_is_what_stands_before_its_path() {
        for url in [
            "https://a.example",
            "https://a.example/",
            "https://A.example:443/x?y#z",
            "https://a.example?x",
            "https://a.example#x",
        ] {
            assert_eq!(Origin::of_url(url), Some(origin("https://a.example")), "{url}");
        }
        for url in ["", "about:blank", "/docs", "https://u@a.example/", "https:///x"] {
            assert_eq!(Origin::of_url(url), None, "{url}");
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
        let is_host = |origin: &str, host: &str| {
            self::origin(origin).is_host(&Authority::parse(host).unwrap())
        };
        assert!(is_host("http://a.example", "a.example"));
        assert!(is_host("http://a.example", "A.example:80"));
        assert!(is_host("https://a.example", "a.example"));
        assert!(is_host("https://a.example", "a.example:443"));
        assert!(is_host("http://[::1]:3000", "[::1]:3000"));
        assert!(!is_host("http://a.example", "a.example:3000"));
        assert!(!is_host("http://a.example:3000", "a.example"));
        assert!(!is_host("http://a.example", "b.example"));
    }

    #[test]
    fn loopback_is_only_what_cannot_be_elsewhere() {
        for text in [
            "http://localhost:5173",
            "http://app.localhost",
            "https://127.0.0.1",
            "http://127.9.9.9:1",
            "http://[::1]",
        ] {
            assert!(origin(text).is_loopback(), "{text}");
        }
        for text in [
            "http://localhost.example",
            "http://notlocalhost",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "http://[::2]",
        ] {
            assert!(!origin(text).is_loopback(), "{text}");
        }
    }
}
