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
        "A `messageId` belongs to its user: somebody else's same id is another message. The gateway remembers ids for {} \
         (`ready.limits.dedupWindowMs`), {} in all and {} for one user, the oldest forgotten first. A retry that comes later than that \
         counts as new.",
        span(bounds.dedup_window),
        grouped(bounds.dedup_keys),
        grouped(bounds.dedup_keys_per_user),
    );
    let session = format!(
        "Easier still: keep the `sessionId` of `ready` and give it to the next `setup`. The session has your subscriptions and where you \
         stand in each: where it began, or the highest number that you said by `ack` to have handled. It waits for {} \
         (`ready.limits.sessionTtlMs`). Closing with 4000 ends it at once.",
        span(bounds.session_ttl),
    );
    view! {
        <section class="doc__section" id="delivery" aria-labelledby="h-delivery">
            <h2 id="h-delivery">"Once, in order"</h2>
            <p class="doc__lede">
                "Networks fail between a question and its answer. Two numbers are enough to live with that: one that you give, and one \
                 that the gateway gives."
            </p>
            <h3 id="delivery-publish">"Publishing: your messageId"</h3>
            <div class="prose">
                <p>
                    <Prose text="You send a `publish` and the connection breaks before the `ack` is there. Did it count? You need not \
                                 know. Connect again and send it again, with the same `messageId`. If the first one had arrived, you get \
                                 `ack` with the status `duplicate` and the number that it got then, and nobody receives it twice. If not, \
                                 this one counts and you get `ok`. Repeat until there is an `ack`."/>
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
                                 a hole in the numbers would be a message that you have missed. A reader that is too slow is not skipped in \
                                 silence; its connection is closed with 4290."/>
                </p>
                <p>
                    <Prose text="Numbers have a life, called the `epoch`. When the gateway starts anew, a topic counts from 1 again, under \
                                 another epoch. Compare numbers only within one epoch, and epochs only for being equal."/>
                </p>
                <p>
                    <Prose text="So remember for each topic the epoch and the last number that you have handled, and pass over any message \
                                 that is not above it. Retrying on the one side and passing over on the other makes at least once into once."/>
                </p>
            </div>
            <h3 id="delivery-reconnect">"After a break"</h3>
            <div class="prose">
                <p>
                    <Prose text="The gateway keeps each topic's last messages. `subscribe` (or `setup`) with `lastSeq` and `epoch` is answered by \
                                 `recovered`. True means that nothing is missing: what came after your position follows at once, and goes over \
                                 to what is published now. False means that something may be gone: load your state anew and go on from the \
                                 `after` in the answer: the next message is the first one above it."/>
                </p>
                <p>
                    <Prose text="A new subscriber that gives `last`, a number, gets that many of the newest messages first, or as many as are \
                                 kept: a chart is not empty when it opens. With a position, `last` counts only if the answer is \
                                 `recovered: false`. A `subscribe` with `lastSeq` on a running subscription moves it there, and messages that \
                                 came already may come again."/>
                </p>
                <p>
                    <Prose text=session/>
                </p>
            </div>
        </section>
    }
}
