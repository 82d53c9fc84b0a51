//! The seven invariants as this version keeps them.

use super::{prose::Prose, table::Table};
use leptos::prelude::*;

/// An invariant.
struct Invariant {
    id: &'static str,
    name: &'static str,
    kept: &'static str,
}

const INVARIANTS: [Invariant; 7] = [
    Invariant {
        id: "I1",
        name: "Access",
        kept: "Every frame but `setup` is refused until a token is accepted. In demo mode any text is a token and is the user id; in jwt mode a \
               signed token contains your user id, the topics that you may use, and its expiry.",
    },
    Invariant {
        id: "I2",
        name: "Once",
        kept: "A user's `messageId` is stored and delivered once for as long as it is remembered (`ready.limits.dedupWindowMs`); each repeat is answered as a `duplicate`, also if both arrive at the same moment, or at two gateways that share a backbone.",
    },
    Invariant {
        id: "I3",
        name: "Order",
        kept: "Within a topic numbers rise strictly, and every subscriber sees the same messages under the same numbers, also at several gateways that share a backbone.",
    },
    Invariant {
        id: "I4",
        name: "Delivery",
        kept: "While you are connected everything arrives, without gaps. Send the position where you stopped, and the messages that you missed are replayed, or \
               `recovered: false` says that some are gone. A client that reads too slowly is disconnected; no message is skipped. With a backbone messages outlive the gateway's process.",
    },
    Invariant {
        id: "I5",
        name: "Speed",
        kept: "`/stats` tells how long deliveries took in the last minute and hour, `/metrics` the same for Prometheus; the log shows the round trip of each frame.",
    },
    Invariant {
        id: "I6",
        name: "Resume",
        kept: "A session outlives its connection: `setup` with its `sessionId` restores every subscription and replays from your last `ack`. The id \
               has at least 128 random bits. Treat it as a secret. Gateways that share a backbone resume each other's sessions.",
    },
    Invariant {
        id: "I7",
        name: "Integrity",
        kept: "A payload is delivered byte for byte. The gateway serves TLS itself if it has a certificate, and signs every message if it has a key \
               (`/.well-known/micro-socket-keys`). The log verifies the signatures: unfold a message.",
    },
];

/// The table of invariants.
#[component]
pub(crate) fn Invariants() -> impl IntoView {
    view! {
        <section class="doc__section" id="invariants" aria-labelledby="h-invariants">
            <h2 id="h-invariants">"Invariants"</h2>
            <p class="doc__lede">
                "Seven guarantees that always hold."
            </p>
            <Table label="Invariants" columns=&["Id", "Promise", "What holds"]>
                {INVARIANTS.iter().map(|invariant| view! { <InvariantRow invariant/> }).collect_view()}
            </Table>
        </section>
    }
}

#[component]
fn InvariantRow(invariant: &'static Invariant) -> impl IntoView {
    view! {
        <tr id=format!("invariant-{}", invariant.id)>
            <th scope="row">{invariant.id}</th>
            <td><b>{invariant.name}</b></td>
            <td><Prose text=invariant.kept/></td>
        </tr>
    }
}
