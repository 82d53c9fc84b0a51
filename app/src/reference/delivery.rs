//! How messages are numbered and delivered, and how a client gets "once" from "at least once": in
//! words.

use super::{
    limits::{Bounds, grouped, span},
    prose::Prose,
};
use leptos::prelude::*;

/// Numbering, delivery and deduplication.
#[component]
pub(crate) fn Delivery() -> impl IntoView {
    let bounds = expect_context::<Bounds>();
    let remembered = format!(
        "A `messageId` belongs to its user: the same id of another user is another message. The gateway remembers ids for {} \
         (`ready.limits.dedupWindowMs`), {} in all and {} for one user, the oldest forgotten first. A later retry \
         is a new message.",
        span(bounds.dedup_window),
        grouped(bounds.dedup_keys),
        grouped(bounds.dedup_keys_per_user),
    );
    let session = format!(
        "It is easier to keep the `sessionId` of `ready` and give it to the next `setup`. The session has your subscriptions and your \
         position in each: where it began, or the highest number that you have sent in an `ack`. It is kept for {} \
         (`ready.limits.sessionTtlMs`). Closing with 4000 ends it at once.",
        span(bounds.session_ttl),
    );
    view! {
        <section class="doc__section" id="delivery" aria-labelledby="h-delivery">
            <h2 id="h-delivery">"Once, in order"</h2>
            <p class="doc__lede">
                "Networks fail between a request and its answer. Two numbers make up for that: one is chosen by you, the other \
                 by the gateway."
            </p>
            <h3 id="delivery-publish">"Publishing: your messageId"</h3>
            <div class="prose">
                <p>
                    <Prose text="You send a `publish` and the connection breaks before the `ack` arrives. You cannot know whether the \
                                 message was stored, and need not: connect again and send it again, with the same `messageId`. If it was \
                                 stored, you get an `ack` with the status `duplicate` and its number, and no subscriber receives it twice. \
                                 If not, it is stored now and you get `ok`. Repeat until you get an `ack`."/>
                </p>
                <p>
                    <Prose text=remembered/>
                </p>
            </div>
            <h3 id="delivery-receive">"Receiving: the topic's seqNo"</h3>
            <div class="prose">
                <p>
                    <Prose text="Every message of a topic gets the next number, and every subscriber sees the same message under the same \
                                 number. As long as you are connected, everything arrives, in order: \
                                 a gap in the numbers would be a message that you have missed. If a client reads too slowly, no message is \
                                 skipped: its connection is closed with 4290."/>
                </p>
                <p>
                    <Prose text="Numbers belong to an `epoch`. After a restart of the gateway a topic counts from 1 again, in a new epoch. \
                                 Compare numbers only within one epoch, and epochs only for equality."/>
                </p>
                <p>
                    <Prose text="So remember for each topic the epoch and the last number that you have handled, and skip any message \
                                 that is not above it. With retries by the publisher, every message is then handled exactly once."/>
                </p>
            </div>
            <h3 id="delivery-reconnect">"After a disconnection"</h3>
            <div class="prose">
                <p>
                    <Prose text="The gateway keeps each topic's last messages. `subscribe` (or `setup`) with `lastSeq` and `epoch` is answered by \
                                 `recovered`. True means that nothing is missing: the messages after your position follow at once, and then the \
                                 new ones. False means that messages may be missing: reload your state and continue from the \
                                 `after` in the answer, because the next message is the first one above it."/>
                </p>
                <p>
                    <Prose text="A new subscriber that sends `last`, a number, gets that many of the newest messages first, or as many as are \
                                 kept, for instance to fill a chart. With a position, `last` counts only if the answer is \
                                 `recovered: false`. A `subscribe` with `lastSeq` on a running subscription moves it to that position, and messages that \
                                 you have already received may be sent again."/>
                </p>
                <p>
                    <Prose text=session/>
                </p>
            </div>
        </section>
    }
}
