//! Code in a box with a title and a button that copies it.

use crate::shell::CopyButton;
use leptos::prelude::*;

/// The children are what is seen, `text` is what is copied.
#[component]
pub(crate) fn CodeBox(
    /// What it is called, by a name that no other box of the page has.
    name: String,
    /// What the button that copies is called.
    copy_label: &'static str,
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// What stands above the code.
    bar: AnyView,
    /// The code.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="codebox">
            <div class="codebox__bar">
                <span>{bar}</span>
                <CopyButton label=copy_label text=move |()| text.get_untracked()/>
            </div>
            <pre class="code" tabindex="0" role="region" aria-label=name>{children()}</pre>
        </div>
    }
}
