//! An object from topics to values: a row of two inputs for each.

use super::{draft::Value, field::Input};
use crate::shell::Icon;
use leptos::prelude::*;

fn pairs(input: Input) -> Vec<(String, String)> {
    input.value.with(|value| match value {
        Value::Pairs(pairs) => pairs.clone(),
        _ => Vec::new(),
    })
}

fn change(input: Input, change: impl FnOnce(&mut Vec<(String, String)>)) {
    let mut changed = untrack(|| pairs(input));
    change(&mut changed);
    input.value.set(Value::Pairs(changed));
}

/// The rows, and a button that adds one.
#[component]
pub(crate) fn Pairs(
    /// The field.
    input: Input,
) -> impl IntoView {
    let count = Memo::new(move |_| pairs(input).len());
    let rows = move || (0..count.get()).map(|index| view! { <Pair input index/> }).collect_view();
    view! {
        <div class="pairs" role="group" aria-label=input.name>
            {rows}
        </div>
        <button
            class="btn"
            data-variant="quiet"
            data-size="small"
            id=input.name
            type="button"
            disabled=move || input.disabled.get()
            on:click=move |_| change(input, |pairs| pairs.push((String::new(), String::new())))
        >
            <Icon name="plus"/>
            "Add a topic"
        </button>
    }
    .into_any()
}

#[component]
fn Pair(
    /// The field.
    input: Input,
    /// The row's index.
    index: usize,
) -> impl IntoView {
    let pair = Memo::new(move |_| pairs(input).get(index).cloned().unwrap_or_default());
    let type_topic = move |text: String| {
        change(input, |pairs| {
            pairs.iter_mut().skip(index).take(1).for_each(|pair| pair.0.clone_from(&text))
        })
    };
    let type_value = move |text: String| {
        change(input, |pairs| {
            pairs.iter_mut().skip(index).take(1).for_each(|pair| pair.1.clone_from(&text))
        })
    };
    let remove = move || {
        change(input, |pairs| {
            if index < pairs.len() {
                pairs.remove(index);
            }
        });
    };
    view! {
        <input
            class="input"
            data-mono=""
            placeholder="topic"
            aria-label=format!("{} topic {}", input.name, index + 1)
            prop:value=move || pair.get().0
            on:input=move |event| type_topic(event_target_value(&event))
        />
        <input
            class="input"
            data-mono=""
            placeholder=input.name
            aria-label=format!("{} value {}", input.name, index + 1)
            prop:value=move || pair.get().1
            on:input=move |event| type_value(event_target_value(&event))
        />
        <button
            class="btn"
            data-variant="quiet"
            data-icon=""
            type="button"
            aria-label=move || format!("Remove {} {}", input.name, pair.get().0)
            on:click=move |_| remove()
        >
            <Icon name="close"/>
        </button>
    }
    .into_any()
}
