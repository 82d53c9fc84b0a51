//! Host and port as a URL and the header `Host` contain them.

use std::fmt;
use url::Host;

/// `host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// As browsers write it: see [`Authority::host`].
    host: String,
    /// As it is written, if it is.
    port: Option<u16>,
}

impl Authority {
    /// `None` for what is neither a name nor an address: a user, a path, a character that no host
    /// has, a port above 65535. A colon without a port is none either.
    pub fn parse(text: &str) -> Option<Self> {
        let host_end = match text.strip_prefix('[') {
            Some(_) => text.find(']')? + 1,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(host_end);
        let port = match rest.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None if rest.is_empty() => None,
            _ => return None,
        };
        // A URL may have escapes, and more characters, in names that no certificate is issued for.
        let is_name = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-._".contains(c);
        if !host.starts_with('[') && !host.chars().all(is_name) {
            return None;
        }
        Some(Self { host: Host::parse(host).ok()?.to_string(), port })
    }

    /// As browsers write it (<https://url.spec.whatwg.org/#host-parsing>): in lower case and ASCII;
    /// an IPv4 address as four numbers, one of IPv6 in its shortest form and in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_a_browser_reads_it() {
        for (text, host) in [
            ("A.Example", "a.example"),
            ("b\u{fc}cher.example:80", "xn--bcher-kva.example"),
            ("127.1", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("[0:0::1]:3000", "[::1]"),
            ("my_host", "my_host"),
        ] {
            assert_eq!(Authority::parse(text).unwrap().host(), host, "{text}");
        }
        for text in [
            "",
            ":80",
            "a b",
            "a/b",
            "u@a",
            "%61",
            "[::1",
            "[zz]",
            "a:",
            "a:65536",
            "1.2.3.4.5",
            "*",
            "a,b",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
