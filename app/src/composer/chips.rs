//! A list of texts: each a chip that can be removed, and an input that adds one.

use super::{draft::Value, field::Input};
use crate::shell::Icon;
use leptos::{ev, html, prelude::*};

fn list(input: Input) -> Vec<String> {
    input.value.with(|value| match value {
        Value::List(list) => list.clone(),
        _ => Vec::new(),
    })
}

/// Adds the text in the input; commas separate several. Returns whether there was any text.
fn add(input: Input, typed: RwSignal<String>) -> bool {
    let text = typed.get_untracked();
    let mut added = untrack(|| list(input));
    let new: Vec<String> =
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect();
    if new.is_empty() {
        return false;
    }
    added.extend(new);
    input.value.set(Value::List(added));
    typed.set(String::new());
    true
}

/// The list.
#[component]
pub(crate) fn Chips(
    /// The field.
    input: Input,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let adder = NodeRef::<html::Input>::new();
    let remove = move |index: usize| {
        let mut left = untrack(|| list(input));
        if index < left.len() {
            left.remove(index);
        }
        input.value.set(Value::List(left));
        if let Some(adder) = adder.get_untracked() {
            // The focused chip was removed. An input can always be focused.
            let _ = adder.focus();
        }
    };
    let key = move |event: ev::KeyboardEvent| match event.key().as_str() {
        "Enter" | "," if add(input, typed) && !event.ctrl_key() && !event.meta_key() => {
            event.prevent_default()
        }
        "," => event.prevent_default(),
        "Backspace" if typed.with_untracked(String::is_empty) => {
            remove(untrack(|| list(input)).len().wrapping_sub(1))
        }
        _ => {}
    };
    let chips = move || {
        list(input)
            .into_iter()
            .enumerate()
            .map(|(index, text)| chip(text, input.disabled, move || remove(index)))
            .collect_view()
    };
    view! {
        <div class="chips">
            {chips}
            <input
                class="chips__add"
                id=input.name
                type="text"
                placeholder="add a topic"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                node_ref=adder
                aria-describedby=move || input.described_by()
                disabled=move || input.disabled.get()
                prop:value=move || typed.get()
                on:input=move |event| typed.set(event_target_value(&event))
                on:keydown=key
                on:blur=move |_| {
                    add(input, typed);
                }
            />
        </div>
    }
    .into_any()
}

fn chip(text: String, disabled: Signal<bool>, remove: impl Fn() + 'static) -> impl IntoView {
    let shown = text.clone();
    view! {
        <span class="chip">
            {shown}
            <button class="chip__x" type="button" aria-label=format!("Remove {text}") disabled=move || disabled.get() on:click=move |_| remove()>
                <Icon name="close"/>
            </button>
        </span>
    }.into_any()
}
