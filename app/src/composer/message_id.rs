//! The message id: generated anew for each publish, unless the user keeps it.

use super::{
    field::{Input, TextInput},
    state::Composer,
};
use crate::shell::Icon;
use leptos::prelude::*;

/// The id with its two buttons.
#[component]
pub(crate) fn MessageId(
    /// The field.
    input: Input,
    /// The composer that generates ids.
    composer: Composer,
) -> impl IntoView {
    let keep = composer.keep_id;
    view! {
        <div class="input-row">
            <TextInput input numeric=false/>
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
    .into_any()
}
