//! The seven invariants as this version keeps them, each with what is still missing.

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
        kept: "Nothing but `setup` is heard before a token was accepted. In demo mode any text is a token and becomes the user's name; in jwt mode a \
               signed token says who you are, which topics are open to you, and until when.",
        not_yet: "",
    },
    Promise {
        id: "I2",
        name: "Once",
        kept: "A user's `messageId` is stored and delivered once for as long as it is remembered (`ready.limits.dedupWindowMs`); each repeat is told to be a `duplicate`, also when both come at the same moment.",
        not_yet: "One window for several gateways.",
    },
    Promise {
        id: "I3",
        name: "Order",
        kept: "Within a topic numbers rise strictly, and every subscriber sees the same messages under the same numbers.",
        not_yet: "One order over several gateways.",
    },
    Promise {
        id: "I4",
        name: "Delivery",
        kept: "While you are connected everything arrives, without gaps. Give the position where you stopped and what you missed is replayed, or \
               `recovered: false` says that something is gone. Who reads too slowly is disconnected, never skipped.",
        not_yet: "Messages that outlive the gateway's process.",
    },
    Promise {
        id: "I5",
        name: "Speed",
        kept: "`/stats` tells how long deliveries took in the last minute and hour, `/metrics` the same for Prometheus; the log shows the round trip of each frame.",
        not_yet: "",
    },
    Promise {
        id: "I6",
        name: "Resume",
        kept: "A session outlives its connection: `setup` with its `sessionId` brings back every subscription and replays from where you acked. The id \
               has at least 128 random bits. Treat it as a secret.",
        not_yet: "Going on with a session at another gateway.",
    },
    Promise {
        id: "I7",
        name: "Integrity",
        kept: "A payload passes byte for byte. The gateway speaks TLS itself where it has a certificate, and signs every message where it has a key \
               (`/.well-known/micro-socket-keys`). The log checks them: unfold a message.",
        not_yet: "",
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
