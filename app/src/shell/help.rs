//! The dialog with the shortcuts, and the switch for single letters.

use super::{Icon, Shortcuts};
use crate::static_html;
use leptos::{html, prelude::*};

/// The shortcuts: what they do, and their keys.
const KEYS: [(&str, &[&str]); 11] = [
    ("Connect or disconnect", &["Ctrl", "K"]),
    ("Send the message", &["Ctrl", "Enter"]),
    ("Form or JSON", &["Ctrl", "J"]),
    ("Find in frames", &["/"]),
    ("Pause the log", &["p"]),
    ("This list", &["?"]),
    ("Row up, down", &["↑", "↓"]),
    ("First, newest row", &["Home", "End"]),
    ("Unfold, fold a row", &["→", "←"]),
    ("Send the row again", &["r"]),
    ("Edit the row and send", &["e"]),
];

/// The dialog.
#[component]
pub(crate) fn Help(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Whether single letters are shortcuts.
    shortcuts: Shortcuts,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only if the dialog is open already, or not in the document.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let key = |(what, keys): (&'static str, &'static [&'static str])| {
        let keys =
            keys.iter().map(|key| view! { <kbd class="kbd">{*key}</kbd> " " }).collect_view();
        view! { <div><span>{what}</span><span>{keys}</span></div> }
    };
    view! {
        <dialog class="dialog" id="help" aria-labelledby="help-title" node_ref=dialog on:close=move |_| open.set(false)>
            <div class="dialog__head">
                <h2 id="help-title">"Keyboard"</h2>
                <button
                    class="btn"
                    data-variant="quiet"
                    data-icon=""
                    data-size="small"
                    type="button"
                    aria-label="Close"
                    on:click=move |_| open.set(false)
                >
                    <Icon name="close"/>
                </button>
            </div>
            <div class="dialog__body stack">
                <div class="keys" inner_html=static_html::render(|| KEYS.map(key).into_iter().collect_view())></div>
                <label class="option">
                    <input
                        class="tick"
                        type="checkbox"
                        prop:checked=move || shortcuts.letters.get()
                        on:change=move |event| shortcuts.set(event_target_checked(&event))
                    />
                    "Single letters are shortcuts outside of fields"
                </label>
            </div>
        </dialog>
    }
    .into_any()
}
