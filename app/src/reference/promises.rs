//! The seven invariants as this version keeps them, each with what it does not do yet.

use super::{prose::Prose, table::Table};
use leptos::prelude::*;

/// An invariant.
struct Promise {
    id: &'static str,
    name: &'static str,
    kept: &'static str,
    not_yet: &'static str,
}

const PROMISES: [Promise; 7] = [
    Promise {
        id: "I1",
        name: "Access",
        kept: "Nothing but `setup` is heard before a token was accepted. This gateway runs in demo mode: any text is a token and becomes the user's name.",
        not_yet: "JWT, and rules for who may hear or publish what.",
    },
    Promise {
        id: "I2",
        name: "Once",
        kept: "A user's `messageId` is stored and delivered once within two minutes; each repeat is told to be a `duplicate`, also when both come at the same moment.",
        not_yet: "",
    },
    Promise {
        id: "I3",
        name: "Order",
        kept: "Within a topic numbers rise strictly, and every subscriber sees the same messages under the same numbers.",
        not_yet: "",
    },
    Promise {
        id: "I4",
        name: "Delivery",
        kept: "While you are connected everything arrives, without gaps. Who reads too slowly is disconnected, never skipped.",
        not_yet: "Keeping messages and replaying what you missed. Until then `recovered` says whether you missed something.",
    },
    Promise {
        id: "I5",
        name: "Speed",
        kept: "`/stats` shows what the gateway carries; the log shows the round trip of each frame.",
        not_yet: "Latency as measured by the gateway, and Prometheus metrics.",
    },
    Promise {
        id: "I6",
        name: "Resume",
        kept: "Every connection has a `sessionId`, at least 128 random bits. Treat it as a secret.",
        not_yet: "Going on with a session: it ends with its connection (`sessionTtlMs` is 0), and `resumed` is always false.",
    },
    Promise {
        id: "I7",
        name: "Integrity",
        kept: "A payload passes byte for byte: digits of a number, order of keys, escapes, all as they were sent.",
        not_yet: "TLS in the gateway itself (put a proxy before it), and a signature on each message.",
    },
];

/// The table of invariants.
#[component]
pub(crate) fn Promises() -> impl IntoView {
    view! {
        <section class="doc__section" id="invariants" aria-labelledby="h-invariants">
            <h2 id="h-invariants">"Invariants"</h2>
            <p class="doc__lede">
                "Seven things that hold whatever happens. Where a promise is not complete yet, it says so: do not build on the right column."
            </p>
            <Table label="Invariants" columns=&["Id", "Promise", "Holds now", "Not yet"]>
                {PROMISES.iter().map(|promise| view! { <PromiseRow promise/> }).collect_view()}
            </Table>
        </section>
    }
}

#[component]
fn PromiseRow(promise: &'static Promise) -> impl IntoView {
    view! {
        <tr id=format!("invariant-{}", promise.id)>
            <th scope="row">{promise.id}</th>
            <td><b>{promise.name}</b></td>
            <td><Prose text=promise.kept/></td>
            <td><Prose text=promise.not_yet/></td>
        </tr>
    }
}
