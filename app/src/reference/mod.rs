//! The protocol's reference at `#protocol`, rendered from the types that the gateway itself uses;
//! what no type can say is added in words. Works without WebAssembly.

pub mod anchors;
mod codes;
mod contents;
mod delivery;
mod flow;
mod frames;
mod limits;
mod painted;
mod promises;
mod prose;
mod table;

pub use contents::Contents;
pub use limits::Bounds;

use codes::{CloseCodes, ErrorCodes};
use delivery::Delivery;
use flow::{AnswerOrder, SubSocketFlow};
use frames::{ClientFrames, ServerFrames};
use leptos::prelude::*;
use limits::LimitTable;
pub(crate) use painted::Painted;
use promises::Promises;
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
                             `setup`, and from then on subscribe and publish as you like; the gateway answers each of your frames and brings \
                             the messages of your topics as they are published."/>
            </p>
            <ul class="bullets prose">
                <li><Prose text="Fields that the gateway does not know are ignored; do the same, and newer gateways will not break your client."/></li>
                <li><Prose text="A field given twice is refused, because two readers could read it differently."/></li>
                <li><Prose text="A `payload` is any JSON value, `null` too, and a publish must have one. It arrives as `data`, byte for byte as \
                                 it was sent."/></li>
                <li>"A question mark behind a name marks what may be left out."</li>
            </ul>
        </section>
        <SubSocketFlow/>
        <AnswerOrder/>
        <section class="doc__section" id="frames" aria-labelledby="h-frames">
            <h2 id="h-frames">"Frames"</h2>
            <p class="doc__lede">"Each with its fields, and with an example that you could send as it stands."</p>
            <h3>"What you send"</h3>
            <ClientFrames/>
            <h3>"What the gateway sends"</h3>
            <ServerFrames/>
        </section>
        <ErrorCodes/>
        <CloseCodes/>
        <LimitTable/>
        <Delivery/>
        <Promises/>
    }
    .into_any()
}
