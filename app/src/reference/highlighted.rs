//! JSON for reading, with coloured tokens, on one line or indented.

use crate::json::{MAX_HIGHLIGHTED, highlight, pretty};
use leptos::prelude::*;

/// `text` with coloured tokens. If `is_pretty`, it is indented, cut at 64 KiB, and says so.
#[component]
pub(crate) fn HighlightedJson(
    /// JSON.
    #[prop(into)]
    text: String,
    /// Whether to indent it.
    #[prop(optional)]
    is_pretty: bool,
) -> impl IntoView {
    let (shown, left_out) = if is_pretty {
        let pretty = pretty(&text, MAX_HIGHLIGHTED);
        (pretty.text, pretty.left_out)
    } else {
        (text, 0)
    };
    view! {
        <span inner_html=highlight(&shown, None)></span>
        {(left_out > 0).then(|| view! { <span class="c">{format!("\n… and {left_out} bytes more")}</span> })}
    }
}
