//! The protocol's reference, made from its types. Renders the section `#protocol` and what follows it, each a `.doc__section`.
//! The contents beside it (`shell::contents`) link to `#frame-{kind}` (a frame of the gateway of the same name as one of the
//! client: `#frame-ack-in`), `#errors`, `#closes`, `#invariants`.

use leptos::prelude::*;

/// The protocol: every frame, field and code.
#[component]
pub fn Reference() -> impl IntoView {
    view! { <section class="doc__section" id="protocol"></section> }
}
