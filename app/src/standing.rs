//! What stands still: HTML that the server has rendered, and that the browser keeps as it came.
//! Neither the code that makes it nor its words are in the WebAssembly. Give it to an element as
//! `inner_html`, which hydration leaves alone.

use leptos::prelude::*;

/// The HTML of `view`; in the browser nothing.
pub(crate) fn html<V: IntoView>(view: impl FnOnce() -> V) -> String {
    #[cfg(not(target_arch = "wasm32"))]
    return view().into_view().to_html();
    #[cfg(target_arch = "wasm32")]
    {
        drop(view);
        String::new()
    }
}

/// Words that are only shown by [`html`]; in the browser none.
pub(crate) const fn words(text: &'static str) -> &'static str {
    if cfg!(target_arch = "wasm32") { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped() {
        let html = html(|| view! { <b>{words("a < b")}</b> });
        assert!(html.contains("a &lt; b") && !html.contains("a < b"), "{html}");
    }
}
