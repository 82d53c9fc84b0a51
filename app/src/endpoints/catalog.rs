//! The list of the gateway's HTTP endpoints and of its two WebSocket addresses, as the page shows
//! it. The server's router and its OpenAPI document are the authority; the browser tests compare
//! this list with it.

use crate::standing::words;

/// One HTTP endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The anchor, also the key of the list.
    pub(crate) id: &'static str,
    /// The path, with `{topic}` in place of a variable part.
    pub(crate) path: &'static str,
    /// A few words for the folded row.
    pub(crate) brief: &'static str,
    /// The unfolded text: what the endpoint does and what it answers.
    pub(crate) text: &'static str,
    /// What the user can do in the unfolded row.
    pub(crate) offer: Offer,
}

/// What the user can do with an endpoint on this page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Send it as it is.
    Ask,
    /// Fill in a topic and a query, then send it.
    Publish,
    /// Give an API key and a body, then send it by `POST`.
    Backend,
    /// Open it as a page of its own, by a link with this text.
    Visit(&'static str),
}

impl Endpoint {
    /// The HTTP method.
    pub(crate) fn method(&self) -> &'static str {
        if self.offer == Offer::Backend { "POST" } else { "GET" }
    }
}

/// The endpoints, the ones for a newcomer first.
pub(crate) const ENDPOINTS: [Endpoint; 11] = [
    Endpoint {
        id: "endpoint-stats",
        path: "/stats",
        brief: words("What the gateway is doing now"),
        text: words(
            "How many connections are open, how many topics have a subscriber, how many subscriptions there are in all, and how long \
               deliveries took in the last minute and hour. Monitoring may ask as often as it likes: asking changes nothing.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-demo-publish",
        path: "/demo/publish/{topic}",
        brief: words("Publish from a browser or from curl"),
        text: words(
            "The query becomes the message: each name a field of data, each value a text, a repeated name a list. Every \
               subscriber of the topic receives it, so connect the playground first and watch it arrive.",
        ),
        offer: Offer::Publish,
    },
    Endpoint {
        id: "endpoint-publish",
        path: "/publish",
        brief: words("Publish as a backend, one message or many"),
        text: words(
            "The body is a message or an array of messages; each is answered by its number, or by why it was refused. The same messageId \
               again is answered as a duplicate. It needs an API key, and exists where http.api_keys_file is given.",
        ),
        offer: Offer::Backend,
    },
    Endpoint {
        id: "endpoint-openapi",
        path: "/openapi",
        brief: words("All of HTTP, to read and to try"),
        text: words(
            "Every route with its parameters, answers and errors, shown by Scalar. It comes from the gateway itself and needs \
               no network.",
        ),
        offer: Offer::Visit(words("Open the HTTP reference")),
    },
    Endpoint {
        id: "endpoint-openapi-json",
        path: "/openapi.json",
        brief: words("The same for machines: OpenAPI 3.1"),
        text: words("Feed it to a client generator, a mock server or a contract test."),
        offer: Offer::Visit(words("Open the OpenAPI document")),
    },
    Endpoint {
        id: "endpoint-asyncapi-json",
        path: "/asyncapi.json",
        brief: words("The socket protocol for machines: AsyncAPI 3"),
        text: words(
            "Every frame in both directions with its JSON Schema, made from the same types as the reference below.",
        ),
        offer: Offer::Visit(words("Open the AsyncAPI document")),
    },
    Endpoint {
        id: "endpoint-keys",
        path: "/.well-known/micro-socket-keys",
        brief: words("The keys that messages are signed with"),
        text: words(
            "The public keys as a JWK set, the present one first. Empty where the gateway does not sign.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-metrics",
        path: "/metrics",
        brief: words("Counters and latency for Prometheus"),
        text: words("Prometheus's text format. It names no topic, user, session or address."),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-healthz",
        path: "/healthz",
        brief: words("Is the process alive?"),
        text: words(
            "Answers 200 as long as the process answers at all. For the supervisor that would restart it.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-readyz",
        path: "/readyz",
        brief: words("Does it take connections?"),
        text: words(
            "Answers 200 when the gateway can do its work, 503 when traffic should go elsewhere. For the load balancer before it.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-docs",
        path: "/docs",
        brief: words("This page"),
        text: words("Playground and reference. The address / leads here."),
        offer: Offer::Visit(words("Open this page anew")),
    },
];

/// One WebSocket address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SocketAddress {
    /// The path, with `{topic}` in place of a variable part.
    pub(crate) path: &'static str,
    /// What it is for.
    pub(crate) purpose: &'static str,
    /// The messages that a good `setup` brings.
    pub(crate) after_setup: &'static str,
}

/// Both addresses; they speak the same protocol.
pub(crate) const SOCKETS: [SocketAddress; 2] = [
    SocketAddress {
        path: "/ws",
        purpose: words("Many topics over one connection"),
        after_setup: words(
            "You hear what setup named in topics, and whatever you subscribe to later.",
        ),
    },
    SocketAddress {
        path: "/ws/sub/{topic}",
        purpose: words("One topic, and nothing to ask for"),
        after_setup: words(
            "You hear the topic of the path. Further subscribe and publish work as on /ws. A slash in the topic is written %2F.",
        ),
    },
];

/// Splits a path at its variable part: the text before it, the part with its braces, the text after
/// it.
pub(crate) fn cut(path: &'static str) -> (&'static str, &'static str, &'static str) {
    match (path.find('{'), path.find('}')) {
        (Some(open), Some(close)) => (&path[..open], &path[open..=close], &path[close + 1..]),
        _ => (path, "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_their_braces() {
        assert_eq!(cut("/demo/publish/{topic}"), ("/demo/publish/", "{topic}", ""));
        assert_eq!(cut("/stats"), ("/stats", "", ""));
    }

    #[test]
    fn only_a_publish_has_a_part_to_fill_in() {
        for endpoint in ENDPOINTS {
            assert_eq!(
                endpoint.path.contains('{'),
                endpoint.offer == Offer::Publish,
                "{}",
                endpoint.path
            );
        }
    }
}
