//! The form of `/demo/publish/{topic}`: a topic, and rows of names and values.

use super::{
    request::{self, Call, Parameter},
    try_it::TryIt,
};
use crate::shell::Icon;
use leptos::{html, prelude::*};

/// A row of the query that is being edited.
#[derive(Debug, Clone, Copy)]
struct Row {
    id: usize,
    name: RwSignal<String>,
    value: RwSignal<String>,
}

impl Row {
    fn new(id: usize, name: &str, value: &str) -> Self {
        Self { id, name: RwSignal::new(name.to_owned()), value: RwSignal::new(value.to_owned()) }
    }

    fn parameter(self) -> Parameter {
        Parameter { name: self.name.get(), value: self.value.get() }
    }
}

/// Publishes to a topic with the parameters that the user fills in; the form begins with a price.
#[component]
pub(crate) fn PublishForm(path: &'static str, text: &'static str) -> impl IntoView {
    let topic = RwSignal::new("prices".to_owned());
    let rows = RwSignal::new(vec![Row::new(0, "bid", "100"), Row::new(1, "ask", "101")]);
    let call = Signal::derive(move || {
        let parameters: Vec<Parameter> = rows.read().iter().map(|row| row.parameter()).collect();
        Call::get(request::publish_target(&topic.read(), &parameters))
    });
    let why_not = Signal::derive(move || request::unreachable_topic(&topic.read()));
    view! {
        <TryIt path text call refused=Signal::derive(move || why_not.read().is_some())>
            <TopicField topic why_not/>
            <Query rows/>
        </TryIt>
    }
}

#[component]
fn TopicField(topic: RwSignal<String>, why_not: Signal<Option<&'static str>>) -> impl IntoView {
    view! {
        <div class="field">
            <label class="field__label" for="try-topic">"topic" <span class="field__note">"in the path"</span></label>
            <input
                class="input"
                data-mono
                id="try-topic"
                autocomplete="off"
                spellcheck="false"
                aria-describedby="try-topic-error"
                aria-invalid=move || why_not.read().is_some().then_some("true")
                value=topic.get_untracked()
                bind:value=topic
            />
            <p class="field__error" id="try-topic-error" role="status" hidden=move || why_not.read().is_none()>{why_not}</p>
        </div>
    }
}

#[component]
fn Query(rows: RwSignal<Vec<Row>>) -> impl IntoView {
    let next_id = StoredValue::new(rows.read_untracked().len());
    let add_button = NodeRef::<html::Button>::new();
    let add = move |_| {
        let id = next_id.get_value();
        next_id.set_value(id + 1);
        rows.write().push(Row::new(id, "", ""));
    };
    let remove = move |id: usize| {
        rows.write().retain(|row| row.id != id);
        if let Some(button) = add_button.get_untracked() {
            // The focused element was removed: the focus moves to a nearby button, so that keyboard
            // users keep their place. A button that is shown can always be focused.
            let _ = button.focus();
        }
    };
    view! {
        <div class="field">
            <span class="field__label" id="try-query">"Query" <span class="field__note">"a repeated name makes a list"</span></span>
            <div class="pairs" role="group" aria-labelledby="try-query">
                <ForEnumerate each=move || rows.get() key=|row| row.id let(index, row)>
                    <QueryRow index row remove/>
                </ForEnumerate>
            </div>
            <div>
                <button class="btn" data-variant="quiet" data-needs-script type="button" node_ref=add_button on:click=add>
                    <Icon name="plus"/>
                    "Add a parameter"
                </button>
            </div>
        </div>
    }
}

/// The inputs have a `name`, so that the browser can make the query itself without WebAssembly.
#[component]
fn QueryRow(index: ReadSignal<usize>, row: Row, remove: impl Fn(usize) + 'static) -> impl IntoView {
    let name_input = NodeRef::<html::Input>::new();
    let is_new = row.name.read_untracked().is_empty();
    Effect::new(move |_| {
        if let (true, Some(input)) = (is_new, name_input.get()) {
            let _ = input.focus();
        }
    });
    let numbered = move |what: &str| format!("{what} {}", index.get() + 1);
    view! {
        <input
            class="input" data-mono autocomplete="off" spellcheck="false" node_ref=name_input
            aria-label=move || numbered("Name") value=row.name.get_untracked() bind:value=row.name
        />
        <input
            class="input" data-mono autocomplete="off" spellcheck="false" name=row.name
            aria-label=move || numbered("Value") value=row.value.get_untracked() bind:value=row.value
        />
        <button
            class="btn" data-variant="quiet" data-icon data-needs-script type="button"
            aria-label=move || numbered("Remove parameter") on:click=move |_| remove(row.id)
        >
            <Icon name="close"/>
        </button>
    }
}
