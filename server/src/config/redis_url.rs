//! The address of a Redis server, which may have a user and a password in it. Only the rest is ever
//! shown.

use std::fmt;

use ::redis::IntoConnectionInfo;
use reqwest::Url;

use super::{
    kind::{Found, Kind},
    shown_url,
};

/// An address that only [`RedisUrl::reveal`] gives out whole.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Url);

impl RedisUrl {
    /// Ends the sentence "allowed: …".
    pub const ALLOWED: &str = "an address that begins with redis://, rediss:// or unix://, such as \
        \"redis://user:password@10.0.0.1:6379/0\" or \"unix:///run/redis.sock\"";

    /// `None`: it is no such address. A fragment is refused, since the library would take it as the
    /// wish not to check the server's certificate.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_known = matches!(url.scheme(), "redis" | "rediss" | "unix");
        let is_plain = is_known && url.fragment().is_none();
        (is_plain && url.clone().into_connection_info().is_ok()).then_some(Self(url))
    }

    /// All of it.
    #[must_use]
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

/// Without what is secret.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown_url::shown(&self.0).as_str())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown_url::debug(&self.0, f)
    }
}

/// A [`RedisUrl`].
pub(super) struct RedisAddress;

impl Kind for RedisAddress {
    type Value = RedisUrl;

    const SECRET: bool = true;

    fn read(&self, found: &Found<'_>) -> Option<RedisUrl> {
        RedisUrl::parse(found.text()?)
    }

    fn show(&self, value: &RedisUrl) -> String {
        shown_url::value(&value.0)
    }

    fn allowed(&self) -> String {
        RedisUrl::ALLOWED.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        for (text, plain) in [
            ("rediss://ann:hunter2@a.example:6380/3", "rediss://a.example:6380/3"),
            ("redis://:hunter2@a.example", "redis://a.example"),
            ("unix:///run/redis.sock?user=ann&pass=hunter2&db=3", "unix:///run/redis.sock"),
        ] {
            let url = RedisAddress.read(&Found::Text(text)).unwrap();
            for shown in [format!("{url:?}"), url.to_string(), RedisAddress.show(&url)] {
                assert!(
                    shown.contains(plain) && !shown.contains("ann") && !shown.contains("hunter2"),
                    "{shown}"
                );
            }
            assert_eq!(url.reveal().as_str(), text);
        }
        let url = RedisUrl::parse("redis://127.0.0.1:6379").unwrap();
        assert_eq!(RedisAddress.show(&url), "\"redis://127.0.0.1:6379\"");
    }

    #[test]
    fn only_addresses_of_redis_servers_are_taken() {
        for bad in [
            "",
            "a.example:6379",
            "http://a.example",
            "redis://",
            "redis://a.example/x",
            "rediss://a.example#insecure",
            "unix://",
        ] {
            assert_eq!(RedisUrl::parse(bad), None, "{bad}");
        }
    }
}
