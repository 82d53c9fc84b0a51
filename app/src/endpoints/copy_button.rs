//! A button that copies a text and says that it has.

use crate::{browser, temporary::shell::icons::Icon};
use leptos::{leptos_dom::helpers::set_timeout, prelude::*, task::spawn_local};
use std::time::Duration;

/// How long the button says that it has copied.
const SAID_FOR: Duration = Duration::from_secs(2);

/// Copies `text` as it is when the button is pressed.
#[component]
pub(crate) fn CopyButton(
    /// What the button is called.
    label: String,
    /// What is copied.
    text: Signal<String>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        spawn_local(async move {
            if browser::copy(&text.get_untracked()).await {
                copied.set(true);
                set_timeout(move || copied.set(false), SAID_FOR);
            }
        });
    };
    view! {
        <span class="cluster">
            <span role="status">{move || copied.get().then_some("Copied")}</span>
            <button class="btn" data-variant="quiet" data-icon data-size="small" type="button" aria-label=label on:click=copy>
                <Icon name="copy"/>
            </button>
        </span>
    }
}
