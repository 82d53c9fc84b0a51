//! How much of everything there may be: what the protocol fixes, and what the gateway allows unless it is configured otherwise.

use super::{prose::Prose, table::Table};
use leptos::prelude::*;
use protocol::{Epoch, MessageId, SeqNo, Topic, UserId};

/// One limit and what happens behind it.
struct Limit {
    what: &'static str,
    most: String,
    beyond: &'static str,
}

fn limits() -> [Limit; 16] {
    let bytes = |most: usize| format!("{most} bytes");
    let limit = |what, most: &str, beyond| Limit { what, most: most.to_owned(), beyond };
    [
        limit("one frame, payload included", "64 KiB *", "Close 1009. `ready.limits.maxFrame` says what holds."),
        Limit { what: "a topic's name", most: bytes(Topic::MAX_BYTES), beyond: "`INVALID_TOPIC`" },
        Limit { what: "a messageId", most: bytes(MessageId::MAX_BYTES), beyond: "`INVALID_MESSAGE`" },
        Limit { what: "a user's name", most: bytes(UserId::MAX_BYTES), beyond: "`AUTH_FAILED`" },
        Limit { what: "an epoch", most: bytes(Epoch::MAX_BYTES), beyond: "`INVALID_MESSAGE`" },
        Limit {
            what: "a sequence number",
            most: SeqNo::MAX.to_string(),
            beyond: "`INVALID_MESSAGE`. JavaScript counts exactly up to here.",
        },
        limit("topics heard by one connection", "1,000 *", "`TOO_MANY_SUBSCRIPTIONS`"),
        limit("topics in all", "1,000,000 *", "`TOO_MANY_TOPICS`, where each of them is in use"),
        limit("connections in all", "100,000 *", "Close 1013"),
        limit("messages of a topic that are kept", "1,000, 4 MiB, 10 minutes *", "The oldest go; `recovered` says so to whom it concerns."),
        limit("messages replayed in a second", "20,000 *", "The rest waits."),
        limit("how long a session waits for its client", "2 minutes *", "`resumed` is false."),
        limit("bytes that wait for a slow reader", "1 MiB *", "Close 4290"),
        limit("time until a good setup", "10 s *", "Close 4408"),
        limit("time without an answer to a ping", "2 pings, one every 25 s *", "Close 4408"),
        limit("frames in a row that make no sense", "20 *", "Close 4400"),
    ]
}

/// The table of limits.
#[component]
pub(crate) fn LimitTable() -> impl IntoView {
    view! {
        <section class="doc__section" id="limits" aria-labelledby="h-limits">
            <h2 id="h-limits">"Limits"</h2>
            <p class="doc__lede">
                "Nothing that a client sends can make the gateway's memory grow without bound. A star marks what the operator may set \
                 otherwise."
            </p>
            <Table label="Limits" columns=&["What", "At most", "Beyond it"]>
                {limits().into_iter().map(|limit| view! { <LimitRow limit/> }).collect_view()}
            </Table>
            <p class="spec__text gap-top" id="topic-names">
                <Prose text="A topic's name is any text without control characters and without white space at its ends. Names that begin \
                             with `$` belong to the gateway. A topic needs no declaration: it is there when somebody subscribes or publishes."/>
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
