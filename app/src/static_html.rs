//! Static HTML: rendered on the server, kept by the browser unchanged. Neither the code that
//! renders it nor its texts are in the WebAssembly. Set it as an element's `inner_html`, which
//! hydration leaves alone.

use leptos::prelude::*;

/// The HTML of `view`; empty in the browser.
pub(crate) fn render<V: IntoView>(view: impl FnOnce() -> V) -> String {
    #[cfg(not(target_arch = "wasm32"))]
    return view().into_view().to_html();
    #[cfg(target_arch = "wasm32")]
    {
        drop(view);
        String::new()
    }
}

/// A text that only [`html`] shows; empty in the browser.
pub(crate) const fn text(text: &'static str) -> &'static str {
    if cfg!(target_arch = "wasm32") { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped() {
        let html = render(|| view! { <b>{text("a < b")}</b> });
        assert!(html.contains("a &lt; b") && !html.contains("a < b"), "{html}");
    }
}
