//! Addresses to listen on: TCP or a Unix socket, one or several.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use super::kind::{Found, Kind};
use super::list::quoted_list;

const UNIX: &str = "unix:";

/// One address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// Port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// `127.0.0.1:3000`, `[::1]:3000` or `unix:/run/micro-socket.sock`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(UNIX) {
            Some("") => None,
            Some(path) => Some(Self::Unix(path.into())),
            None => text.parse().ok().map(Self::Tcp),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// What `listen` is by default: both loopback addresses. The second is left out if the machine has
/// no IPv6.
pub(super) fn both_loopback_addresses() -> Vec<ListenAddress> {
    const PORT: u16 = 3000;
    [SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), SocketAddr::from((Ipv6Addr::LOCALHOST, PORT))]
        .map(ListenAddress::Tcp)
        .into()
}

/// A text or an array of texts in a file, separated by commas in a variable; at least one address.
pub(super) struct ListenAddresses;

impl Kind for ListenAddresses {
    type Value = Vec<ListenAddress>;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        let texts = found.texts().or_else(|| found.text().map(|only| vec![only]))?;
        texts
            .into_iter()
            .map(ListenAddress::parse)
            .collect::<Option<Vec<_>>>()
            .filter(|addresses| !addresses.is_empty())
    }

    fn show(&self, value: &Self::Value) -> String {
        quoted_list(value.iter().map(ListenAddress::to_string))
    }

    fn allowed(&self) -> String {
        "an IP address with a port, such as \"127.0.0.1:3000\", \"0.0.0.0:3000\" or \"[::]:3000\", a Unix socket, such as \
         \"unix:/run/micro-socket.sock\", or a list of them (in a variable separated by commas)"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeValue;

    #[test]
    fn one_or_several() {
        let one = DeValue::parse("\"127.0.0.1:80\"").unwrap();
        let several = DeValue::parse("[\"127.0.0.1:80\", \"unix:/run/a b.sock\"]").unwrap();
        let read = |value: &DeValue<'_>| {
            ListenAddresses.show(&ListenAddresses.read(&Found::Toml(value)).unwrap())
        };
        assert_eq!(read(one.get_ref()), "[\"127.0.0.1:80\"]");
        assert_eq!(read(several.get_ref()), "[\"127.0.0.1:80\", \"unix:/run/a b.sock\"]");
        let variable = ListenAddresses.read(&Found::Text("[::1]:1, unix:x")).unwrap();
        assert_eq!(ListenAddresses.show(&variable), "[\"[::1]:1\", \"unix:x\"]");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in
            ["", "localhost:3000", "127.0.0.1", "unix:", "3000", "127.0.0.1:1,,x", "unix:/a,b"]
        {
            assert_eq!(ListenAddresses.read(&Found::Text(bad)), None, "{bad}");
        }
    }
}
