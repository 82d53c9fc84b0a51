//! A web address that may have secrets in it: a user with a password, or a key in the query. Only
//! the rest is ever shown.

use std::fmt;

use reqwest::Url;

use super::{
    kind::{Found, Kind, quoted},
    shown_url,
};

/// An address that only [`SecretUrl::reveal`] gives out whole.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// An `http://` or `https://` address with a host; `None` for everything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .map(Self)
    }

    /// All of it.
    #[must_use]
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown_url::debug(&self.0, f)
    }
}

/// A [`SecretUrl`]; the empty text is none.
pub(super) struct WebAddress;

impl Kind for WebAddress {
    type Value = Option<SecretUrl>;

    const SECRET: bool = true;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        match found.text()? {
            "" => Some(None),
            text => SecretUrl::parse(text).map(Some),
        }
    }

    fn show(&self, value: &Self::Value) -> String {
        let Some(url) = value else { return quoted("") };
        shown_url::value(&url.0)
    }

    fn allowed(&self) -> String {
        "an address that begins with https:// or http://, or \"\" for none".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let url = WebAddress
            .read(&Found::Text("https://ann:hunter2@issuer.example:8443/keys?key=hunter2#hunter2"))
            .unwrap();
        for shown in [format!("{url:?}"), WebAddress.show(&url)] {
            assert!(
                shown.contains("https://issuer.example:8443/keys")
                    && !shown.contains("ann")
                    && !shown.contains("hunter2"),
                "{shown}"
            );
        }
        assert_eq!(url.unwrap().reveal().password(), Some("hunter2"));
    }

    #[test]
    fn what_has_no_secret_is_shown_as_it_is() {
        let url = WebAddress.read(&Found::Text("https://issuer.example/keys")).unwrap();
        assert_eq!(WebAddress.show(&url), "\"https://issuer.example/keys\"");
        assert_eq!(format!("{:?}", url.unwrap()), "https://issuer.example/keys");
        for other in ["issuer.example/keys", "ftp://issuer.example", "https://", "file:///keys"] {
            assert_eq!(WebAddress.read(&Found::Text(other)), None, "{other}");
        }
        assert_eq!(WebAddress.read(&Found::Text("")), Some(None));
    }
}
