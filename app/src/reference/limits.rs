//! The table of limits: those that the protocol fixes, and those of this gateway's configuration.

use super::{prose::Prose, table::Table};
use crate::log::clock;
use leptos::prelude::*;
use protocol::{Epoch, MessageId, SeqNo, Topic, UserId};
use std::time::Duration;

/// The limits in the configuration of the gateway that renders the page.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes per frame.
    pub max_frame: usize,
    /// Levels of nesting of a payload; 0: no limit.
    pub max_depth: usize,
    /// Topics per connection.
    pub max_subscriptions: usize,
    /// Topics in all.
    pub max_topics: usize,
    /// Connections in all.
    pub max_connections: usize,
    /// Messages that are kept per topic.
    pub history_messages: usize,
    /// Bytes that are kept per topic.
    pub history_bytes: usize,
    /// How long a message is kept.
    pub history_age: Duration,
    /// Messages that are replayed per connection and second; 0: no limit.
    pub replay_rate: usize,
    /// How long a session outlives its connection.
    pub session_ttl: Duration,
    /// Bytes that may wait for a slow client.
    pub send_queue: usize,
    /// The time from the connection to a good `setup`.
    pub setup: Duration,
    /// The time from the first byte of a message to its last.
    pub message: Duration,
    /// The time between two pings.
    pub ping: Duration,
    /// Invalid frames in a row.
    pub invalid_frames: usize,
    /// How long a message id is remembered.
    pub dedup_window: Duration,
    /// Message ids that are remembered in all.
    pub dedup_keys: usize,
    /// Message ids that are remembered per user.
    pub dedup_keys_per_user: usize,
}

/// A number with its thousands separated.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in the largest unit that gives a whole number.
pub(super) fn span(time: Duration) -> String {
    let ms = time.as_millis();
    let of =
        |count: u128, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match ms {
        _ if ms == 0 || !ms.is_multiple_of(1000) => format!("{ms} ms"),
        _ if ms.is_multiple_of(3_600_000) => of(ms / 3_600_000, "hour"),
        _ if ms.is_multiple_of(60_000) => of(ms / 60_000, "minute"),
        _ => of(ms / 1000, "second"),
    }
}

/// One limit, and what happens beyond it.
struct Limit {
    what: &'static str,
    most: String,
    beyond: &'static str,
}

fn fixed(what: &'static str, most: String, beyond: &'static str) -> Limit {
    Limit { what, most, beyond }
}

/// A limit that the operator can change.
fn set(what: &'static str, most: impl std::fmt::Display, beyond: &'static str) -> Limit {
    Limit { what, most: format!("{most} *"), beyond }
}

fn limits(bounds: &Bounds) -> [Limit; 18] {
    let bytes = |most: usize| format!("{most} bytes");
    let kept = [
        grouped(bounds.history_messages),
        clock::size(bounds.history_bytes),
        span(bounds.history_age),
    ]
    .join(", ");
    let unless_zero = |most: usize| if most == 0 { "no limit".to_owned() } else { grouped(most) };
    [
        set(
            "one frame, payload included",
            clock::size(bounds.max_frame),
            "Close 1009. Also in `ready.limits.maxFrame`.",
        ),
        set("levels of nesting in a payload", unless_zero(bounds.max_depth), "`INVALID_MESSAGE`"),
        fixed("a topic's name", bytes(Topic::MAX_BYTES), "`INVALID_TOPIC`"),
        fixed("a messageId", bytes(MessageId::MAX_BYTES), "`INVALID_MESSAGE`"),
        fixed("a user id", bytes(UserId::MAX_BYTES), "`AUTH_FAILED`"),
        fixed("an epoch", bytes(Epoch::MAX_BYTES), "`INVALID_MESSAGE`"),
        fixed(
            "a sequence number",
            SeqNo::MAX.to_string(),
            "`INVALID_MESSAGE`. JavaScript's numbers are exact up to here.",
        ),
        set(
            "topics that one connection is subscribed to",
            grouped(bounds.max_subscriptions),
            "`TOO_MANY_SUBSCRIPTIONS`",
        ),
        set(
            "topics in all",
            grouped(bounds.max_topics),
            "`TOO_MANY_TOPICS`, if all of them are in use",
        ),
        set("connections in all", grouped(bounds.max_connections), "Close 1013"),
        set(
            "messages of a topic that are kept",
            kept,
            "The oldest are removed; `recovered` tells the clients that have missed them.",
        ),
        set(
            "messages replayed in a second",
            unless_zero(bounds.replay_rate),
            "The rest is delayed.",
        ),
        set(
            "how long a session is kept without its client",
            span(bounds.session_ttl),
            "`resumed` is false.",
        ),
        set("bytes that wait for a slow client", clock::size(bounds.send_queue), "Close 4290"),
        set("time until a good setup", span(bounds.setup), "Close 4408"),
        set("time from a message's first byte to its last", span(bounds.message), "Close 4408"),
        set(
            "time without a byte from the client",
            span(bounds.ping.saturating_mul(2)),
            "Close 4408",
        ),
        set("invalid frames in a row", grouped(bounds.invalid_frames), "Close 4400"),
    ]
}

/// The table of limits.
#[component]
pub(crate) fn LimitTable() -> impl IntoView {
    let bounds = expect_context::<Bounds>();
    view! {
        <section class="doc__section" id="limits" aria-labelledby="h-limits">
            <h2 id="h-limits">"Limits"</h2>
            <p class="doc__lede">
                "Nothing that a client sends can make the gateway's memory grow without bound. A star marks limits that the operator can change: \
                 the figure is this gateway's."
            </p>
            <Table label="Limits" columns=&["What", "At most", "Beyond it"]>
                {limits(&bounds).into_iter().map(|limit| view! { <LimitRow limit/> }).collect_view()}
            </Table>
            <p class="spec__text gap-top" id="topic-names">
                <Prose text="A topic's name is any text without control characters and without white space at its ends. Names that begin \
                             with `$` belong to the gateway. A segment between dots that is just `*` or `>` is refused: patterns are for \
                             access rules, and a subscription is to one topic. A topic needs no declaration: it is there when a client subscribes \
                             or publishes."/>
            </p>
        </section>
    }
}

#[component]
fn LimitRow(limit: Limit) -> impl IntoView {
    view! {
        <tr>
            <td>{limit.what}</td>
            <td class="num">{limit.most}</td>
            <td><Prose text=limit.beyond/></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [1, 999, 1000, 20_000, 1_000_000].map(grouped),
            ["1", "999", "1,000", "20,000", "1,000,000"]
        );
        let spans = [0, 1500, 1000, 25_000, 120_000, 90_000, 3_600_000]
            .map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(
            spans,
            ["0 ms", "1500 ms", "1 second", "25 seconds", "2 minutes", "90 seconds", "1 hour"]
        );
    }
}
