//! The servers of the backbone: addresses that may have a user and a password in them, which are
//! never shown.

use std::fmt;

use async_nats::ServerAddr;
use reqwest::Url;

use super::kind::{Found, Kind, quoted};

/// One address or several.
#[derive(Clone, PartialEq, Eq)]
pub struct Servers(Vec<ServerAddr>);

impl Servers {
    /// Addresses that begin with `nats://` or `tls://`, separated by commas; `None` if one is
    /// something else, or if there is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let servers: Option<Vec<_>> = text.split(',').map(|one| parse_one(one.trim())).collect();
        servers.filter(|servers| !servers.is_empty()).map(Self)
    }

    /// All of them, with what is secret in them.
    #[must_use]
    pub fn servers(&self) -> &[ServerAddr] {
        &self.0
    }

    fn shown(&self) -> String {
        let shown: Vec<_> = self.0.iter().map(shown).collect();
        shown.join(",")
    }

    fn has_secrets(&self) -> bool {
        self.0.iter().any(|server| server.username().is_some() || server.password().is_some())
    }
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
        "one address or several, separated by commas, that begin with nats:// or tls://, such as \
         \"nats://10.0.0.1:4222,nats://10.0.0.2:4222\""
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
    fn only_addresses_of_nats_servers_are_taken() {
        for bad in
            ["", ",", "a.example:4222", "http://a.example", "nats://", "nats://a/b", "ws://a"]
        {
            assert_eq!(Servers::parse(bad), None, "{bad}");
        }
        assert_eq!(
            Servers::parse("nats://[::1]:1").map(|servers| servers.shown()).as_deref(),
            Some("nats://[::1]:1")
        );
    }
}
