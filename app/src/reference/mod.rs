//! The protocol's reference at `#protocol`, rendered from the types that the gateway itself uses;
//! what no type can say is added in words. Works without WebAssembly.

pub mod anchors;
mod codes;
mod contents;
mod delivery;
mod flow;
mod frames;
mod highlighted;
mod invariants;
mod limits;
mod prose;
mod table;

pub use contents::Contents;
pub use limits::Bounds;

use codes::{CloseCodes, ErrorCodes};
use delivery::Delivery;
use flow::{AnswerOrder, SubSocketFlow};
use frames::{ClientFrames, ServerFrames};
pub(crate) use highlighted::HighlightedJson;
use invariants::Invariants;
use leptos::prelude::*;
use limits::LimitTable;
pub(crate) use prose::Prose;
pub(crate) use table::Table;

/// All sections about the protocol.
#[component]
pub fn Reference() -> impl IntoView {
    view! {
        <section class="doc__section" id="protocol" aria-labelledby="h-protocol">
            <h2 id="h-protocol">"Protocol"</h2>
            <p class="doc__lede">
                <Prose text="Every WebSocket text frame is one JSON object, and its `type` says what it is. You open a connection, send \
                             `setup`, and from then on subscribe and publish as you like; the gateway answers your frames and sends \
                             the messages of your topics as they are published."/>
            </p>
            <ul class="bullets prose">
                <li><Prose text="Fields that the gateway does not know are ignored; do the same, and newer gateways will not break your client."/></li>
                <li><Prose text="A field given twice is refused, because two readers could read it differently."/></li>
                <li><Prose text="A `payload` is any JSON value, also `null`, and a publish must have one. It arrives as `data`, byte for \
                                 byte as it was sent."/></li>
                <li>"A question mark after a name marks a field that may be left out."</li>
            </ul>
        </section>
        <SubSocketFlow/>
        <AnswerOrder/>
        <section class="doc__section" id="frames" aria-labelledby="h-frames">
            <h2 id="h-frames">"Frames"</h2>
            <p class="doc__lede">"Each with its fields and an example."</p>
            <h3>"What you send"</h3>
            <ClientFrames/>
            <h3>"What the gateway sends"</h3>
            <ServerFrames/>
        </section>
        <ErrorCodes/>
        <CloseCodes/>
        <LimitTable/>
        <Delivery/>
        <Invariants/>
    }
    .into_any()
}
