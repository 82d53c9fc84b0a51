//! The message id: generated anew for each publish, unless it is to stay.

use super::{field::Input, state::Composer};
use crate::shell::Icon;
use leptos::prelude::*;

/// The id with its two buttons.
#[component]
pub(crate) fn MessageId(
    /// The field.
    input: Input,
    /// Generates ids.
    composer: Composer,
) -> impl IntoView {
    let keep = composer.keep_id;
    view! {
        <div class="input-row">
            <input
                class="input"
                data-mono=""
                id=input.name
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-invalid=move || input.invalid()
                aria-describedby=move || input.described_by()
                disabled=move || input.disabled.get()
                value=untrack(|| input.text())
                prop:value=move || input.text()
                on:input=move |event| input.type_text(event_target_value(&event))
            />
            <button
                class="btn tip"
                data-icon=""
                type="button"
                aria-label="Keep this id"
                aria-pressed=move || keep.get().to_string()
                disabled=move || input.disabled.get()
                on:click=move |_| keep.update(|keep| *keep = !*keep)
            >
                <Icon name="lock"/>
                <span class="tip__text" aria-hidden="true">"Keep this id"</span>
            </button>
            <button
                class="btn tip"
                data-icon=""
                type="button"
                aria-label="New id"
                disabled=move || input.disabled.get()
                on:click=move |_| composer.renew_id()
            >
                <Icon name="renew"/>
                <span class="tip__text" data-side="end" aria-hidden="true">"New id"</span>
            </button>
        </div>
    }
}
