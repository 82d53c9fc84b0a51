//! The list of the gateway's HTTP endpoints and of its two WebSocket addresses, as the page shows
//! it. The server's router and its OpenAPI document are the authority; the browser tests compare
//! this list with it.

use crate::static_html::text;

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
        brief: text("What the gateway is doing now"),
        text: text(
            "How many connections are open, how many topics have a subscriber, how many subscriptions there are in all, and how long \
               deliveries took in the last minute and hour. Monitoring may ask as often as it likes: asking changes nothing.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-demo-publish",
        path: "/demo/publish/{topic}",
        brief: text("Publish from a browser or from curl"),
        text: text(
            "The query is the message: each name becomes a field of data, each value a string, and a repeated name an array. Every \
               subscriber of the topic receives it, so connect the playground first and watch it arrive.",
        ),
        offer: Offer::Publish,
    },
    Endpoint {
        id: "endpoint-publish",
        path: "/publish",
        brief: text("Publish as a backend, one message or many"),
        text: text(
            "The body is a message or an array of messages; each is answered by its number, or by the reason why it was refused. A repeated \
               messageId is answered as a duplicate. The endpoint needs an API key, and exists only if http.api_keys_file is set.",
        ),
        offer: Offer::Backend,
    },
    Endpoint {
        id: "endpoint-openapi",
        path: "/openapi",
        brief: text("The HTTP reference, to read and to try"),
        text: text(
            "Every route with its parameters, answers and errors, shown by Scalar. The gateway itself serves it, \
               so it works offline.",
        ),
        offer: Offer::Visit(text("Open the HTTP reference")),
    },
    Endpoint {
        id: "endpoint-openapi-json",
        path: "/openapi.json",
        brief: text("The same for machines: OpenAPI 3.1"),
        text: text("For client generators, mock servers and contract tests."),
        offer: Offer::Visit(text("Open the OpenAPI document")),
    },
    Endpoint {
        id: "endpoint-asyncapi-json",
        path: "/asyncapi.json",
        brief: text("The socket protocol for machines: AsyncAPI 3"),
        text: text(
            "Every frame in both directions with its JSON Schema, made from the same types as the reference below.",
        ),
        offer: Offer::Visit(text("Open the AsyncAPI document")),
    },
    Endpoint {
        id: "endpoint-keys",
        path: "/.well-known/micro-socket-keys",
        brief: text("The keys that messages are signed with"),
        text: text(
            "The public keys as a JWK set, the current one first. Empty if the gateway does not sign.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-metrics",
        path: "/metrics",
        brief: text("Counters and latency for Prometheus"),
        text: text("Prometheus's text format. No label names a topic, user, session or address."),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-healthz",
        path: "/healthz",
        brief: text("Is the process alive?"),
        text: text(
            "Answers 200 as long as the process answers at all. For the supervisor that restarts it.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-readyz",
        path: "/readyz",
        brief: text("Does it accept connections?"),
        text: text(
            "Answers 200 when the gateway can do its work, 503 when traffic should go elsewhere. For a load balancer.",
        ),
        offer: Offer::Ask,
    },
    Endpoint {
        id: "endpoint-docs",
        path: "/docs",
        brief: text("This page"),
        text: text("Playground and reference. The path / redirects here."),
        offer: Offer::Visit(text("Open this page again")),
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
        purpose: text("Many topics over one connection"),
        after_setup: text(
            "You receive the topics that setup names, and those that you subscribe to later.",
        ),
    },
    SocketAddress {
        path: "/ws/sub/{topic}",
        purpose: text("One topic, named by the path"),
        after_setup: text(
            "You receive the topic in the path. Further subscribe and publish frames work as on /ws. A slash in the topic is written %2F.",
        ),
    },
];

/// Splits a path at its variable part: the text before it, the part with its braces, the text after
/// it.
pub(crate) fn split_parameter(path: &'static str) -> (&'static str, &'static str, &'static str) {
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
        assert_eq!(split_parameter("/demo/publish/{topic}"), ("/demo/publish/", "{topic}", ""));
        assert_eq!(split_parameter("/stats"), ("/stats", "", ""));
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
