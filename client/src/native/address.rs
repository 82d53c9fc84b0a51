//! The address of a gateway: `ws://`, `wss://`, `http://`, `https://`, or just a host and a port.

use percent_encoding::percent_decode_str;
use protocol::Topic;
use url::Url;

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("`{0}` is not an address; write ws://HOST:PORT, wss://HOST or HOST:PORT")]
    NotAUrl(String),
    /// The topic in the path, or one beside it.
    #[error("the topic `{topic}` {why}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong.
        why: protocol::Invalid,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::NotAUrl(text.to_owned());
        let full = if text.contains("://") { text.to_owned() } else { format!("ws://{text}") };
        let full = match full.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}"),
            Some(("https", rest)) => format!("wss://{rest}"),
            _ => full,
        };
        let mut url = Url::parse(&full).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(wrong());
        }
        url.set_fragment(None);
        let host = url.host_str().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        let is_encrypted = url.scheme() == "wss";
        Ok(Self { url, host, port, is_encrypted })
    }

    /// The endpoint for many topics, below this address.
    pub(super) fn for_topics(mut self) -> Self {
        let path = self.url.path().trim_end_matches('/');
        if !path.ends_with("/ws") {
            self.url.set_path(&format!("{path}/ws"));
        }
        self
    }

    /// The topic to which the gateway subscribes at this path by itself.
    pub(super) fn topic(&self) -> Result<Option<Topic<'static>>, AddressError> {
        let path = self.url.path();
        let Some((_, topic)) = path.strip_suffix('/').unwrap_or(path).split_once("/ws/sub/") else {
            return Ok(None);
        };
        checked(&percent_decode_str(topic).decode_utf8_lossy()).map(Some)
    }
}

pub(super) fn checked(topic: &str) -> Result<Topic<'static>, AddressError> {
    Topic::new(topic.to_owned()).map_err(|why| AddressError::Topic { topic: topic.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        for (text, url) in [
            ("127.0.0.1:3000", "ws://127.0.0.1:3000/ws"),
            ("localhost", "ws://localhost/ws"),
            ("http://[::1]:3000/rt/", "ws://[::1]:3000/rt/ws"),
            ("https://rt.example.com/ws", "wss://rt.example.com/ws"),
        ] {
            assert_eq!(Address::parse(text).unwrap().for_topics().url.as_str(), url);
        }
        assert!(Address::parse("ftp://x").is_err() && Address::parse("").is_err());
        assert_eq!(Address::parse("wss://[::1]").unwrap().host, "::1");
    }

    #[test]
    fn the_topic_in_the_path() {
        let topic = |text| {
            Address::parse(text)
                .unwrap()
                .topic()
                .map(|topic| topic.map(|topic| topic.as_str().to_owned()))
        };
        assert_eq!(topic("ws://h/rt/ws/sub/a%2Fb%C3%A4/"), Ok(Some("a/bä".to_owned())));
        assert_eq!(topic("ws://h/ws"), Ok(None));
        assert!(topic("ws://h/ws/sub/%24sys").is_err());
    }
}
