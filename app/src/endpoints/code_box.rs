//! Code in a box with a title and a button that copies it.

use crate::shell::CopyButton;
use leptos::prelude::*;

/// The children are what is seen, `text` is what is copied.
#[component]
pub(crate) fn CodeBox(
    /// Names the box for those who cannot see it, and in the bar where there is no `bar`.
    title: &'static str,
    /// What the button that copies is called.
    copy_label: &'static str,
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// What the bar shows instead of the title.
    #[prop(optional)]
    bar: Option<AnyView>,
    /// The code.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="codebox">
            <div class="codebox__bar">
                <span>{bar.unwrap_or_else(|| title.into_any())}</span>
                <CopyButton label=copy_label text=move |()| text.get_untracked()/>
            </div>
            <pre class="code" tabindex="0" role="region" aria-label=title>{children()}</pre>
        </div>
    }
}
