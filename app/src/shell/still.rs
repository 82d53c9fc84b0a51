//! Content that never changes: the server renders it, the browser leaves it as it came, and the WebAssembly need not know it.

use leptos::{prelude::*, tachys::view::RenderHtml};

/// Shows what `content` renders.
#[component]
pub(crate) fn Still<V>(
    /// Called on the server only.
    content: fn() -> V,
) -> impl IntoView
where
    V: IntoView + 'static,
{
    // Hydration does not touch the inner HTML of an element that came from the server.
    let html = if cfg!(feature = "hydrate") { String::new() } else { content().into_view().to_html() };
    view! { <div inner_html=html></div> }
}
