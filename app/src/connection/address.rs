//! The address to connect to: the chosen endpoint, the typed URL, and what is wrong with it before
//! a connection is tried.

/// The gateway's two endpoints, or any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// One connection for many topics.
    Many,
    /// One connection for one topic.
    One,
    /// Any other address, typed by the user.
    Other,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 3] = [Self::Many, Self::One, Self::Other];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Many => "Many topics",
            Self::One => "One topic",
            Self::Other => "Another address",
        }
    }

    /// The endpoint's path, or a hint.
    pub(crate) fn note(self) -> &'static str {
        self.path().unwrap_or("ws:// or wss://")
    }

    fn path(self) -> Option<&'static str> {
        match self {
            Self::Many => Some("/ws"),
            Self::One => Some("/ws/sub/prices"),
            Self::Other => None,
        }
    }

    /// This endpoint's URL at the gateway that served the page.
    pub(crate) fn url(self, page: &PageOrigin) -> Option<String> {
        let scheme = if page.secure { "wss" } else { "ws" };
        self.path().map(|path| format!("{scheme}://{}{path}", page.host))
    }

    /// The endpoint that a typed URL names.
    pub(crate) fn of_url(url: &str, page: &PageOrigin) -> Self {
        let is = |endpoint: &Self| endpoint.url(page).as_deref() == Some(url.trim());
        Self::ALL.into_iter().find(is).unwrap_or(Self::Other)
    }
}

/// The origin that the page was loaded from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageOrigin {
    /// Whether it was loaded over HTTPS.
    pub(crate) secure: bool,
    /// Host and port.
    pub(crate) host: String,
}

/// The parts of a WebSocket URL that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) secure: bool,
    /// Host and port.
    pub(crate) host: String,
    /// Path and query, with the slash.
    pub(crate) path: String,
}

/// Why a text is not a WebSocket address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("Type an address: ws://host:port/ws, or wss:// over TLS.")]
    Empty,
    #[error("A WebSocket address begins with ws:// or wss://.")]
    Scheme,
    #[error("The host is missing behind ws://.")]
    Host,
    #[error("An address has no white space.")]
    Space,
    #[error("A WebSocket address has no # part.")]
    Fragment,
    #[error("The browser does not accept this address: look at host and port.")]
    Browser,
}

impl Target {
    /// Parses an address.
    pub(crate) fn parse(url: &str) -> Result<Self, BadAddress> {
        let url = url.trim();
        if url.is_empty() {
            return Err(BadAddress::Empty);
        }
        let (scheme, rest) = url.split_once("://").ok_or(BadAddress::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(BadAddress::Scheme),
        };
        if rest.contains(char::is_whitespace) {
            return Err(BadAddress::Space);
        }
        if rest.contains('#') {
            return Err(BadAddress::Fragment);
        }
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() || host.starts_with(':') {
            return Err(BadAddress::Host);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host: host.to_owned(), path })
    }

    /// The same host over HTTP, to check whether it answers.
    pub(crate) fn http(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.path)
    }

    /// The URL at which that gateway lists its signing keys.
    pub(crate) fn keys(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, protocol::signature::KEYS_PATH)
    }

    /// Whether the browser refuses the connection as mixed content: a page that was loaded over
    /// HTTPS may open a plain socket only to this machine.
    pub(crate) fn is_mixed_content(&self, page: &PageOrigin) -> bool {
        page.secure && !self.secure && !self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name);
        name == "localhost"
            || name.ends_with(".localhost")
            || name.starts_with("127.")
            || name == "[::1]"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> PageOrigin {
        PageOrigin { secure: false, host: "localhost:3000".into() }
    }

    #[test]
    fn endpoints_are_those_of_the_page() {
        assert_eq!(Endpoint::Many.url(&page()).as_deref(), Some("ws://localhost:3000/ws"));
        let secure = PageOrigin { secure: true, host: "gw.example".into() };
        assert_eq!(Endpoint::One.url(&secure).as_deref(), Some("wss://gw.example/ws/sub/prices"));
        assert_eq!(Endpoint::of_url(" ws://localhost:3000/ws ", &page()), Endpoint::Many);
        assert_eq!(Endpoint::of_url("ws://localhost:3000/ws/sub/orders", &page()), Endpoint::Other);
    }

    #[test]
    fn addresses_are_taken_apart() {
        let target = Target::parse("WSS://gw.example:8443/ws/sub/a%2Fb?x=1").unwrap();
        assert_eq!(target.http(), "https://gw.example:8443/ws/sub/a%2Fb?x=1");
        assert_eq!(Target::parse("ws://gw").unwrap().path, "/");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            ("", BadAddress::Empty),
            ("localhost:3000/ws", BadAddress::Scheme),
            ("http://localhost/ws", BadAddress::Scheme),
            ("ws:///ws", BadAddress::Host),
            ("ws://:3000/ws", BadAddress::Host),
            ("ws://a b/", BadAddress::Space),
            ("ws://a/ws#x", BadAddress::Fragment),
        ];
        for (url, why) in cases {
            assert_eq!(Target::parse(url), Err(why), "{url}");
        }
    }

    #[test]
    fn plain_sockets_from_a_secure_page_are_mixed_content_except_to_this_machine() {
        let secure = PageOrigin { secure: true, host: "gw.example".into() };
        let mixed =
            |url: &str, page: &PageOrigin| Target::parse(url).unwrap().is_mixed_content(page);
        assert!(mixed("ws://gw.example/ws", &secure));
        assert!(!mixed("ws://localhost:3000/ws", &secure));
        assert!(!mixed("ws://[::1]:3000/ws", &secure));
        assert!(!mixed("wss://gw.example/ws", &secure));
        assert!(!mixed("ws://gw.example/ws", &page()));
    }
}
