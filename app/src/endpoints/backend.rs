//! The form of `POST /publish`: an API key, which is not stored, and the body as JSON.

use super::{request::Call, try_it::TryIt};
use crate::{composer::Editor, json::Fault};
use leptos::prelude::*;

/// One message, with its own payload and an id, so that a repeat is not delivered again.
const FIRST_BODY: &str = "{\n  \"topic\": \"prices\",\n  \"messageId\": \"backend-1\",\n  \"payload\": { \"bid\": 100, \"ask\": 101 }\n}";

/// Publishes the user's message as a backend would.
#[component]
pub(super) fn BackendForm(path: &'static str, text: &'static str) -> impl IntoView {
    let key = RwSignal::new(String::new());
    let body = RwSignal::new(FIRST_BODY.to_owned());
    let fault = Memo::new(move |_| body.with(|body| Fault::find(body)));
    let call = Signal::derive(move || Call::post(path, body.get()));
    view! {
        <TryIt path text call key refused=Signal::derive(move || key.read().is_empty())>
            <div class="field">
                <label class="field__label" for="try-key">"API key" <span class="field__note">"a line of http.api_keys_file; not stored"</span></label>
                <input class="input" data-mono id="try-key" type="password" autocomplete="off" spellcheck="false" prop:value=key on:input=move |event| key.set(event_target_value(&event))/>
            </div>
            <div class="field">
                <div class="field__label">
                    <label for="try-body">"Body"</label>
                    <span class="field__note">"a message, or an array of them"</span>
                </div>
                <Editor
                    id="try-body"
                    text=body
                    on_text=move |text| body.set(text)
                    fault
                    invalid=Signal::derive(move || fault.read().is_some())
                    described_by=Signal::derive(move || fault.read().is_some().then(|| "try-body-error".to_owned()))
                    disabled=Signal::stored(false)
                />
                <p class="field__error" id="try-body-error" role="status" hidden=move || fault.read().is_none()>
                    {move || fault.read().as_ref().map(Fault::sentence)}
                </p>
            </div>
        </TryIt>
    }
    .into_any()
}
