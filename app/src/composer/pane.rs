//! The pane "Message": kind, fields or JSON, and Send.

use super::{
    editor::Editor,
    field::{Field, FieldError, Form},
    send,
    state::Composer,
};
use crate::{
    connection::{Connection, ConnectionState},
    shell::Icon,
};
use leptos::prelude::*;
use protocol::{
    ClientFrame,
    reference::{FieldDoc, FieldKind},
};

/// The pane.
#[component]
pub(crate) fn MessagePane(
    /// The composer's state.
    composer: Composer,
    /// The connection to send it over.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let draft = Memo::new(move |_| composer.draft());
    let form = Form {
        composer,
        wrong: Memo::new(move |_| draft.with(|draft| draft.wrong.clone())),
        disabled: Signal::derive(move || !live.get()),
    };
    let as_json = Memo::new(move |_| composer.json.with(Option::is_some));
    let body = move || {
        if as_json.get() {
            view! { <Json form/> }.into_any()
        } else {
            view! { <Fields form/> }.into_any()
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send::send(composer, connection);
    };
    view! {
        <section class="pane" data-pane="message" aria-labelledby="msg-title">
            <div class="pane__head">
                <h2 class="pane__title" id="msg-title">"Message"</h2>
                <div class="pane__end"><Views composer as_json live/></div>
            </div>
            <form class="stack" novalidate="" on:submit=submit>
                <Kinds composer live/>
                {body}
                <SendBar composer connection live/>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn Views(
    /// The composer's state.
    composer: Composer,
    /// Which view is shown.
    as_json: Memo<bool>,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    view! {
        <div class="seg" role="group" aria-label="Write as">
            <button
                class="seg__item"
                type="button"
                aria-pressed=move || (!as_json.get()).to_string()
                disabled=move || !live.get()
                on:click=move |_| composer.write_form()
            >
                "Form"
            </button>
            <button
                class="seg__item"
                type="button"
                aria-pressed=move || as_json.get().to_string()
                aria-keyshortcuts="Control+J"
                disabled=move || !live.get()
                on:click=move |_| {
                    if !as_json.get_untracked() {
                        composer.write_json();
                    }
                }
            >
                "JSON"
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn Kinds(
    /// The composer's state.
    composer: Composer,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let shown = Memo::new(move |_| composer.shown_kind());
    let item = move |kind: &'static str| {
        view! {
            <label class="kinds__item">
                <input
                    type="radio"
                    name="kind"
                    value=kind
                    checked=shown.get_untracked() == kind
                    prop:checked=move || shown.get() == kind
                    disabled=move || !live.get()
                    on:change=move |_| composer.choose(kind)
                />
                {kind}
            </label>
        }
    };
    view! { <div class="kinds" role="radiogroup" aria-label="Kind of message">{ClientFrame::KINDS.map(item)}</div> }.into_any()
}

/// The form of the chosen kind; rarely needed fields are folded.
#[component]
fn Fields(
    /// The form.
    form: Form,
) -> impl IntoView {
    let composer = form.composer;
    move || {
        let doc = composer.doc(composer.kind.get())?;
        let (rare, usual): (Vec<_>, Vec<_>) = doc.fields.into_iter().partition(is_rare);
        let note = usual.is_empty().then(|| view! { <p class="field__note">{doc.summary}</p> });
        let fold = (!rare.is_empty()).then(|| {
            let names = rare.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
            view! {
                <details class="more">
                    <summary><Icon name="right"/>{format!("More: {names}")}</summary>
                    <div class="stack">{fields(form, rare)}</div>
                </details>
            }
        });
        Some(view! { {fields(form, usual)} {note} {fold} })
    }
}

fn fields(form: Form, docs: Vec<FieldDoc>) -> impl IntoView {
    docs.into_iter().map(|doc| view! { <Field form doc/> }).collect_view()
}

fn is_rare(field: &FieldDoc) -> bool {
    !field.required && !matches!(field.kind, FieldKind::Texts | FieldKind::Json)
}

/// The whole message as JSON.
#[component]
fn Json(
    /// The form that it replaces.
    form: Form,
) -> impl IntoView {
    let composer = form.composer;
    let wrong = Memo::new(move |_| form.wrong.with(|wrong| wrong.first().cloned()));
    let invalid = Signal::derive(move || wrong.with(Option::is_some));
    let message = move || {
        let message = wrong.get()?.message;
        let why = if composer.stays_json.get() { "This fits no form. " } else { "" };
        Some(format!("{why}{message}"))
    };
    let type_text = move |text| {
        composer.stays_json.set(false);
        composer.json.set(Some(text));
    };
    view! {
        <div class="field">
            <div class="field__label">
                <label for="raw">"Message as JSON"</label>
                <span class="field__note">"one text frame"</span>
            </div>
            <Editor
                id="raw"
                text=Signal::derive(move || composer.json.get().unwrap_or_default())
                on_text=type_text
                fault=Signal::derive(move || wrong.get().and_then(|wrong| wrong.place))
                invalid
                described_by=Signal::derive(move || invalid.get().then(|| "raw-error".to_owned()))
                disabled=form.disabled
            />
            <FieldError id="raw-error".to_owned() message=Signal::derive(message)/>
        </div>
    }
    .into_any()
}

#[component]
fn SendBar(
    /// The composer's state.
    composer: Composer,
    /// The connection to send it over.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let label = Memo::new(move |_| send::label(composer, connection));
    let open = Memo::new(move |_| connection.state.with(|state| *state == ConnectionState::Open));
    let wait = Memo::new(move |_| {
        connection.state.with(|state| {
            matches!(
                state,
                ConnectionState::Connecting
                    | ConnectionState::Closing
                    | ConnectionState::Waiting { .. }
            )
        })
    });
    view! {
        <div class="sendbar">
            <button
                class="btn"
                data-grow=""
                data-variant=move || open.get().then_some("primary")
                type="submit"
                aria-keyshortcuts="Control+Enter"
                aria-disabled=move || wait.get().then_some("true")
                disabled=move || !live.get()
            >
                <span>{move || label.get()}</span>
                <kbd class="kbd" aria-hidden="true">"Ctrl Enter"</kbd>
            </button>
        </div>
    }
    .into_any()
}
