//! The pane "Connection": a form while there is no connection, two lines while it is open, and in
//! words why it failed or ended.

use super::{
    address::Endpoint,
    diagnosis::{Diagnosis, Verdict},
    driver::Connection,
    state::{CloseInfo, ConnectionState},
};
use crate::shell::{Icon, Status};
use leptos::{html, prelude::*};

/// The id of the button that connects or disconnects.
const ACT: &str = "line-act";

/// The pane.
#[component]
pub(crate) fn ConnectionPane(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let busy = Memo::new(move |_| connection.state.with(ConnectionState::is_busy));
    Effect::new(move |before: Option<bool>| {
        let busy = busy.get();
        if before.is_some_and(|before| before != busy) {
            request_animation_frame(keep_focus);
        }
        busy
    });
    let body = move || {
        if busy.get() {
            view! { <OpenConnection connection/> }.into_any()
        } else {
            view! { <AddressForm connection live edit/> }.into_any()
        }
    };
    view! {
        <section class="pane" data-pane="connection" aria-labelledby="conn-title">
            <div class="pane__head">
                <h2 class="pane__title" id="conn-title">"Connection"</h2>
                <div class="pane__end">{move || (!busy.get()).then(|| view! { <Status connection live/> })}</div>
            </div>
            <noscript>
                <p class="callout"><span>"Connecting and sending need JavaScript and WebAssembly. Everything below can be read without them."</span></p>
            </noscript>
            {body}
        </section>
    }.into_any()
}

/// The pressed button has been replaced, so the focus moves to the button in its place.
fn keep_focus() {
    let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
    if lost && let Some(button) = document().get_element_by_id(ACT) {
        use wasm_bindgen::JsCast;
        // A button can always be focused.
        let _ = button.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}

/// An open connection, or one that is being opened.
#[component]
fn OpenConnection(
    /// The connection.
    connection: Connection,
) -> impl IntoView {
    let about = move || {
        let peer = connection.peer.get();
        if connection.state.with(|state| *state != ConnectionState::Open) {
            return view! { <span>{connection.words()}</span> }.into_any();
        }
        let session: String = peer.session.chars().take(8).collect();
        let session =
            (!session.is_empty()).then(|| view! { <span>{format!("session {session}…")}</span> });
        let user = if peer.user.is_empty() { "no setup yet".to_owned() } else { peer.user };
        view! { <span>{user}</span> {session} }.into_any()
    };
    let waiting = Memo::new(move |_| {
        connection.state.with(|state| matches!(state, ConnectionState::Waiting { .. }))
    });
    view! {
        <div class="link" data-state=move || connection.state.with(ConnectionState::name)>
            <span class="status" data-state=move || connection.state.with(ConnectionState::name)>
                <crate::shell::Mark state=Signal::derive(move || connection.state.with(ConnectionState::name))/>
            </span>
            <span class="link__url">{move || connection.url.get()}</span>
            <span class="link__meta">{about}</span>
            <span class="link__acts">
                {move || waiting.get().then(|| view! {
                    <button class="btn" data-size="small" type="button" on:click=move |_| connection.try_now()>"Now"</button>
                })}
                <button
                    class="btn"
                    data-size="small"
                    id=ACT
                    type="button"
                    aria-keyshortcuts="Control+K"
                    aria-disabled=move || connection.state.with(|state| *state == ConnectionState::Closing).then_some("true")
                    on:click=move |_| connection.disconnect()
                >
                    {move || if connection.state.with(|state| matches!(state, ConnectionState::Connecting | ConnectionState::Waiting { .. })) { "Stop" } else { "Disconnect" }}
                </button>
            </span>
        </div>
    }
    .into_any()
}

/// The form for the address.
#[component]
fn AddressForm(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let typed = NodeRef::<html::Input>::new();
    let chosen =
        RwSignal::new(untrack(|| Endpoint::of_url(&connection.url.get(), &connection.page.get())));
    Effect::new(move |_| {
        chosen.set(connection.page.with(|page| Endpoint::of_url(&connection.url.get(), page)))
    });
    let choose = move |endpoint: Endpoint| {
        chosen.set(endpoint);
        match connection.page.with_untracked(|page| endpoint.url(page)) {
            Some(url) => connection.url.set(url),
            None => {
                if let Some(input) = typed.get_untracked() {
                    input.select();
                }
            }
        }
    };
    let choice = move |endpoint: Endpoint| {
        view! {
            <label class="choice">
                <input
                    class="tick"
                    type="radio"
                    name="endpoint"
                    checked=endpoint == Endpoint::Many
                    prop:checked=move || chosen.get() == endpoint
                    disabled=move || !live.get()
                    on:change=move |_| choose(endpoint)
                />
                <span>{endpoint.name()}</span>
                <span class="choice__note" aria-hidden="true">{endpoint.note()}</span>
            </label>
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        connection.connect(None);
    };
    view! {
        <form class="stack" novalidate="" on:submit=submit>
            <div class="choices" role="radiogroup" aria-label="Endpoint">{Endpoint::ALL.map(choice)}</div>
            <div class="field">
                <div class="field__label"><label for="url">"URL"</label></div>
                <input
                    class="input"
                    data-mono=""
                    id="url"
                    type="text"
                    inputmode="url"
                    placeholder="ws://this gateway/ws"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    node_ref=typed
                    disabled=move || !live.get()
                    prop:value=move || connection.url.get()
                    on:input=move |event| connection.url.set(event_target_value(&event))
                />
            </div>
            <button class="btn" data-variant="primary" id=ACT type="submit" aria-keyshortcuts="Control+K" disabled=move || !live.get()>
                <span>"Connect"</span>
                <kbd class="kbd" aria-hidden="true">"Ctrl K"</kbd>
            </button>
            <Cause connection edit/>
        </form>
    }
    .into_any()
}

/// Why the connection ended or could not be opened.
#[component]
fn Cause(
    /// The connection.
    connection: Connection,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    move || {
        match connection.state.get() {
        ConnectionState::Failed(None) => {
            Some(view! { <p class="callout" data-tone="bad"><Icon name="bad"/><span>"Looking for the cause…"</span></p> }.into_any())
        }
        ConnectionState::Failed(Some(diagnosis)) => Some(view! { <Failed diagnosis connection/> }.into_any()),
        ConnectionState::Closed(close) if close.is_bad() => Some(view! { <Ended close connection edit/> }.into_any()),
        _ => None,
    }
    }
}

#[component]
fn Failed(
    /// The explanation.
    diagnosis: Diagnosis,
    /// The connection.
    connection: Connection,
) -> impl IntoView {
    let own = connection
        .page
        .with_untracked(|page| Endpoint::Many.url(page))
        .filter(|url| connection.url.with_untracked(|typed| typed != url));
    let instead = own.map(|url| {
        let host = connection.page.with_untracked(|page| page.host.clone());
        view! {
            <div class="cluster">
                <button class="btn" data-size="small" type="button" on:click=move |_| connection.url.set(url.clone())>
                    {format!("Use {host}")}
                </button>
            </div>
        }
    });
    let by_checks = diagnosis.by_checks.then(
        || view! { <p>"A browser does not tell why a socket failed, so the page checked:"</p> },
    );
    let findings =
        diagnosis.findings.into_iter().map(|(verdict, text)| finding(verdict, text)).collect_view();
    view! {
        <div class="callout" data-tone="bad">
            <Icon name="bad"/>
            <p class="callout__title">{diagnosis.title}</p>
            {by_checks}
            <ul class="probe">{findings}</ul>
            <p><b>"Remedy: "</b>{diagnosis.remedy}</p>
            {instead}
        </div>
    }
    .into_any()
}

fn finding(verdict: Verdict, text: String) -> impl IntoView {
    let icon = match verdict {
        Verdict::Holds => "check",
        Verdict::Broken => "close",
        Verdict::Idle => "more",
    };
    view! { <li data-result=verdict.as_str()><Icon name=icon/><span>{text}</span></li> }.into_any()
}

#[component]
fn Ended(
    /// How it ended.
    close: CloseInfo,
    /// The connection.
    connection: Connection,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let reason = (!close.reason.is_empty())
        .then(|| view! { <p>"The gateway said: "{close.reason.clone()}</p> });
    let resume = connection.resumption().map(|setup| {
        view! {
            <div class="cluster">
                <button class="btn" data-size="small" type="button" on:click=move |_| edit.run(setup.clone())>
                    "Fill in setup to resume"
                </button>
            </div>
        }
    });
    view! {
        <div class="callout" data-tone="bad">
            <Icon name="bad"/>
            <p class="callout__title">{format!("Closed with {}", close.code)}</p>
            <p>{close.meaning()}</p>
            {reason}
            <p><b>"Remedy: "</b>{close.remedy()}</p>
            {resume}
        </div>
    }
    .into_any()
}
