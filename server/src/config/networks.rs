//! Networks of IP addresses, as `10.0.0.0/8` or as a single address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::kind::{Found, Kind};
use super::list::quoted_list;

/// Some networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Each text a network or an address; `None` where one is neither.
    #[must_use]
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let network = |text: &str| {
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        };
        texts
            .into_iter()
            .map(|text| network(text).map(|network| network.trunc()))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether `address` lies in one of them. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`)
    /// is the IPv4 address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An array in a file, separated by commas in a variable.
pub(super) struct NetworkList;

impl Kind for NetworkList {
    type Value = Networks;

    fn read(&self, found: &Found<'_>) -> Option<Networks> {
        Networks::parse(found.texts()?)
    }

    fn show(&self, value: &Networks) -> String {
        quoted_list(value.0.iter().map(IpNet::to_string))
    }

    fn allowed(&self) -> String {
        "a list of networks or addresses, such as [\"10.0.0.0/8\", \"::1\"] (in a variable separated by commas)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses() {
        let networks = NetworkList.read(&Found::Text("10.1.2.3/8, 192.0.2.1, fd00::/8")).unwrap();
        assert_eq!(NetworkList.show(&networks), r#"["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]"#);
        for inside in ["10.255.0.1", "192.0.2.1", "fdff::1", "::ffff:10.0.0.1"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.2", "fe80::1", "::ffff:11.0.0.1"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["10.0.0.0/33", "10.0.0", "example.com", "10.0.0.1:80", "*"] {
            assert_eq!(NetworkList.read(&Found::Text(bad)), None, "{bad}");
        }
    }
}
