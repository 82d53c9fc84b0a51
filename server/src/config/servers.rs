//! The servers of the backbone: addresses that may have a user and a password in them, which are
//! never shown.

use std::{fmt, net::Ipv6Addr};

use async_nats::ServerAddr;
use reqwest::Url;

use super::kind::{Found, Kind, quoted};

/// One address or several, all of one kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Servers(Addresses);

#[derive(Clone, PartialEq, Eq)]
enum Addresses {
    Nats(Vec<ServerAddr>),
    /// `host:port`, separated by commas.
    Kafka(String),
}

impl Servers {
    /// Addresses that begin with `nats://` or `tls://`, or `host:port` of Kafka's brokers, separated
    /// by commas; `None` if one is something else, or if there is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let each = || text.split(',').map(str::trim);
        if each().all(is_broker) {
            return Some(Self(Addresses::Kafka(each().collect::<Vec<_>>().join(","))));
        }
        let servers: Option<Vec<_>> = each().map(parse_one).collect();
        servers.map(Addresses::Nats).map(Self)
    }

    /// All servers of NATS, with what is secret in them; none if they are brokers of Kafka.
    #[must_use]
    pub fn servers(&self) -> &[ServerAddr] {
        match &self.0 {
            Addresses::Nats(servers) => servers,
            Addresses::Kafka(_) => &[],
        }
    }

    /// All brokers of Kafka, as `host:port` separated by commas; `None` if they are servers of NATS.
    #[must_use]
    pub fn brokers(&self) -> Option<&str> {
        match &self.0 {
            Addresses::Nats(_) => None,
            Addresses::Kafka(brokers) => Some(brokers),
        }
    }

    fn shown(&self) -> String {
        match &self.0 {
            Addresses::Nats(servers) => servers.iter().map(shown).collect::<Vec<_>>().join(","),
            Addresses::Kafka(brokers) => brokers.clone(),
        }
    }

    fn has_secrets(&self) -> bool {
        let is_secret =
            |server: &ServerAddr| server.username().is_some() || server.password().is_some();
        self.servers().iter().any(is_secret)
    }
}

/// A name or an address, and a port. A broker has no user: this build has no authentication for
/// Kafka.
fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_address = |host: &str| host.parse::<Ipv6Addr>().is_ok();
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => is_address(host),
        None => {
            let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            !host.is_empty() && host.bytes().all(is_letter)
        }
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn parse_one(text: &str) -> Option<ServerAddr> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "nats" | "tls"))?;
    let is_plain = matches!(url.path(), "" | "/") && url.query().is_none();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    (is_plain && has_host && url.fragment().is_none()).then(|| text.parse().ok()).flatten()
}

/// Without user and password.
fn shown(server: &ServerAddr) -> String {
    let mut url = server.clone().into_inner();
    // Neither fails for an address with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.shown(), if self.has_secrets() { " (in part)" } else { "" })
    }
}

/// [`Servers`].
pub(super) struct ServerList;

impl Kind for ServerList {
    type Value = Servers;

    const SECRET: bool = true;

    fn read(&self, found: &Found<'_>) -> Option<Servers> {
        Servers::parse(found.text()?)
    }

    fn show(&self, value: &Servers) -> String {
        let note =
            if value.has_secrets() { " # what may be secret in it is not shown" } else { "" };
        format!("{}{note}", quoted(&value.shown()))
    }

    fn allowed(&self) -> String {
        "one address or several, separated by commas: of NATS, that begin with nats:// or tls://, such as \
         \"nats://10.0.0.1:4222,nats://10.0.0.2:4222\", or host:port of Kafka's brokers, such as \
         \"10.0.0.1:9092,10.0.0.2:9092\" (without TLS)"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let servers =
            ServerList.read(&Found::Text("nats://ann:hunter2@a.example:4222, tls://b.example"));
        let servers = servers.unwrap();
        for shown in [format!("{servers:?}"), ServerList.show(&servers)] {
            assert!(
                shown.contains("nats://a.example:4222,tls://b.example")
                    && !shown.contains("ann")
                    && !shown.contains("hunter2"),
                "{shown}"
            );
        }
        assert_eq!(servers.servers()[0].password(), Some("hunter2"));
    }

    #[test]
    fn brokers_of_kafka_are_a_host_and_a_port() {
        let servers = Servers::parse("a.example:9092, [::1]:9093").unwrap();
        assert_eq!(servers.brokers(), Some("a.example:9092,[::1]:9093"));
        assert!(servers.servers().is_empty());
        assert_eq!(ServerList.show(&servers), "\"a.example:9092,[::1]:9093\"");
        assert_eq!(Servers::parse("nats://a:4222").unwrap().brokers(), None);
        for bad in ["a.example", "a:0", "a:65536", ":9092", "a b:1", "ssl://a:9093", "u:p@a:9092"] {
            assert_eq!(Servers::parse(bad), None, "{bad}");
        }
        assert_eq!(Servers::parse("a:9092,nats://b:4222"), None, "of two kinds");
    }

    #[test]
    fn only_addresses_of_nats_servers_are_taken() {
        for bad in ["", ",", "a.example", "http://a.example", "nats://", "nats://a/b", "ws://a"] {
            assert_eq!(Servers::parse(bad), None, "{bad}");
        }
        assert_eq!(
            Servers::parse("nats://[::1]:1").map(|servers| servers.shown()).as_deref(),
            Some("nats://[::1]:1")
        );
    }
}
