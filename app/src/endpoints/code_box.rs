//! Code in a box with a title and a button that copies it.

use crate::shell::CopyButton;
use leptos::prelude::*;

/// The children are shown, `text` is copied.
#[component]
pub(crate) fn CodeBox(
    /// The box's name, unique on the page.
    name: String,
    /// The label of the button that copies.
    copy_label: &'static str,
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// The content of the bar above the code.
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
