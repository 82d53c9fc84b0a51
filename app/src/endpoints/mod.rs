//! The HTTP endpoints, each with **Try it**. Renders the section `#endpoints`, a `.doc__section` of the reading page.

use leptos::prelude::*;

/// Every endpoint of the gateway.
#[component]
pub fn Endpoints() -> impl IntoView {
    view! { <section class="doc__section" id="endpoints"></section> }
}
