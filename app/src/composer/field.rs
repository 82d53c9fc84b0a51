//! One field of a form. The protocol's reference gives its kind.

use super::{
    chips::Chips,
    draft::{Value, Wrong},
    editor::Editor,
    message_id::MessageId,
    pairs::Pairs,
    state::Composer,
};
use crate::{log::clock, shell::Icon};
use leptos::prelude::*;
use protocol::reference::{FieldDoc, FieldKind};

/// What the fields of one form share.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) composer: Composer,
    pub(crate) wrong: Memo<Vec<Wrong>>,
    pub(crate) disabled: Signal<bool>,
}

/// What an input needs to know about its field.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    /// The field's name on the wire, also the input's id.
    pub(crate) name: &'static str,
    pub(crate) value: RwSignal<Value>,
    pub(crate) wrong: Memo<Option<Wrong>>,
    pub(crate) disabled: Signal<bool>,
}

impl Input {
    /// The value if it is one text.
    pub(crate) fn text(self) -> String {
        self.value.with(|value| match value {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        })
    }

    /// Stores the typed text as the value.
    pub(crate) fn type_text(self, text: String) {
        self.value.set(Value::Text(text));
    }

    /// The value of `aria-invalid`.
    pub(crate) fn invalid(self) -> Option<&'static str> {
        self.wrong.with(Option::is_some).then_some("true")
    }

    /// The value of `aria-describedby`: the note, and the fault if there is one.
    pub(crate) fn described_by(self) -> String {
        let fault = if self.wrong.with(Option::is_some) {
            format!(" {}-error", self.name)
        } else {
            String::new()
        };
        format!("{}-note{fault}", self.name)
    }
}

/// A field with its label, note, input and fault.
#[component]
pub(crate) fn Field(
    /// The form that it belongs to.
    form: Form,
    /// Its description.
    doc: FieldDoc,
) -> impl IntoView {
    let value = form.composer.value(&doc)?;
    let name: &'static str = wire_name(&doc.name)?;
    let wrong = Memo::new(move |_| {
        form.wrong.with(|wrong| wrong.iter().find(|wrong| wrong.field == name).cloned())
    });
    let input = Input { name, value, wrong, disabled: form.disabled };
    let kind = doc.kind;
    let note = move || note(name, kind, doc.required, input);
    let body = match kind {
        FieldKind::Texts => view! { <Chips input/> }.into_any(),
        FieldKind::ByTopic => view! { <Pairs input/> }.into_any(),
        FieldKind::Json | FieldKind::Object => view! { <JsonInput input/> }.into_any(),
        FieldKind::Text if name == "messageId" => {
            view! { <MessageId input composer=form.composer/> }.into_any()
        }
        FieldKind::Text | FieldKind::Number | FieldKind::Flag => {
            view! { <TextInput input numeric=kind == FieldKind::Number/> }.into_any()
        }
    };
    Some(
        view! {
            <div class="field">
                <div class="field__label">
                    <label for=name title=doc.description>{name}</label>
                    <span class="field__note" id=format!("{name}-note")>{note}</span>
                </div>
                {body}
                <FieldError id=format!("{name}-error") message=Signal::derive(move || wrong.get().map(|wrong| wrong.message))/>
            </div>
        }
        .into_any(),
    )
}

/// The fault, below its field.
#[component]
pub(crate) fn FieldError(
    /// The id that the field's `aria-describedby` names.
    id: String,
    /// A sentence, if something is wrong.
    message: Signal<Option<String>>,
) -> impl IntoView {
    let id = StoredValue::new(id);
    move || {
        message.get().map(|message| {
            view! { <p class="field__error" id=id.get_value()><Icon name="bad"/><span>{message}</span></p> }
        })
    }
}

/// One line of text.
#[component]
pub(super) fn TextInput(
    /// The field.
    input: Input,
    /// Whether digits are expected.
    numeric: bool,
) -> impl IntoView {
    view! {
        <input
            class="input"
            data-mono=""
            id=input.name
            type="text"
            inputmode=numeric.then_some("numeric")
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
    }
    .into_any()
}

#[component]
fn JsonInput(
    /// The field.
    input: Input,
) -> impl IntoView {
    view! {
        <Editor
            id=input.name
            text=Signal::derive(move || input.text())
            on_text=move |text| input.type_text(text)
            fault=Signal::derive(move || input.wrong.get().and_then(|wrong| wrong.place))
            invalid=Signal::derive(move || input.wrong.with(Option::is_some))
            described_by=Signal::derive(move || Some(input.described_by()))
            disabled=input.disabled
        />
    }
    .into_any()
}

/// The note at the right of a label.
fn note(name: &str, kind: FieldKind, required: bool, input: Input) -> String {
    match (name, kind) {
        ("token", _) => "demo: any text, it becomes your user id".into(),
        ("messageId", _) => "new for each publish".into(),
        (_, FieldKind::Json) => {
            let bytes = input
                .value
                .with(|value| if let Value::Text(text) = value { text.len() } else { 0 });
            format!("any JSON, {}", clock::size(bytes))
        }
        (_, FieldKind::Number) if required => kind.as_str().into(),
        (_, FieldKind::Number | FieldKind::ByTopic) => format!("{}, optional", kind.as_str()),
        _ if !required => "optional".into(),
        _ => String::new(),
    }
}

/// The name as a constant; the protocol has few fields, all known.
fn wire_name(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 10] = [
        "token",
        "topics",
        "sessionId",
        "lastSeq",
        "epoch",
        "last",
        "topic",
        "messageId",
        "payload",
        "seqNo",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_protocol_has_an_input() {
        for doc in crate::composer::kinds::all() {
            for field in doc.fields {
                assert!(wire_name(&field.name).is_some(), "{}.{}", doc.kind, field.name);
            }
        }
    }
}
