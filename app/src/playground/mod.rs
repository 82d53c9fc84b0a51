//! The playground: connection and composer at the left, the log above the checks at the right; on a
//! narrow screen one of the three at a time.

use crate::{
    browser,
    checks::Checks,
    composer::{Composer, MessagePane, send},
    connection::{Connection, ConnectionPane, ConnectionState, Endpoint, watch_liveness},
    log::{FIND, LogPane, LogView},
    shell::{Action, Shortcuts, listen},
};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// The part that a narrow screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Compose,
    Log,
    Checks,
}

impl View {
    /// The value of `data-view`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Log => "log",
            Self::Checks => "checks",
        }
    }
}

/// The playground.
#[component]
pub(crate) fn Playground(
    /// The connection.
    connection: Connection,
    /// The log.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Whether the help is open.
    help: RwSignal<bool>,
    /// Whether single letters are shortcuts.
    shortcuts: Shortcuts,
) -> impl IntoView {
    let composer = Composer::new();
    let view = RwSignal::new(View::Compose);
    Effect::new(move |_| {
        let page = browser::page_origin();
        connection.url.set(Endpoint::Many.url(&page).unwrap_or_default());
        connection.page.set(page);
        log_view.timezone.set(browser::timezone_offset());
        composer.renew_id();
        connection.restore_choice();
        watch_liveness(connection);
        listen(shortcuts, move |action| act(action, connection, composer, log_view, help));
    });
    let again = Callback::new(move |frame: String| {
        connection.send(&frame);
    });
    let edit = Callback::new(move |frame: String| {
        composer.edit(&frame);
        view.set(View::Compose);
        request_animation_frame(focus_composer);
    });
    view! {
        <section class="screen" id="playground" aria-label="Playground">
            <Views view log_view live/>
            <div class="bench" data-view=move || view.get().as_str()>
                <div class="bench__compose">
                    <ConnectionPane connection live edit/>
                    <MessagePane composer connection live/>
                </div>
                <div class="bench__data">
                    <div class="bench__log"><LogPane log_view connection live again edit/></div>
                    <Checks connection live/>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Switches between the parts on a narrow screen.
#[component]
fn Views(
    /// The part that is shown.
    view: RwSignal<View>,
    /// The log.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let item = move |which: View, label: AnyView| {
        view! {
            <button
                class="seg__item"
                type="button"
                aria-pressed=move || (view.get() == which).to_string()
                disabled=move || !live.get()
                on:click=move |_| view.set(which)
            >
                {label}
            </button>
        }
        .into_any()
    };
    let count = view! {
        "Log "
        <span class="count">{move || log_view.feed.watch(|store| store.len())}</span>
    };
    view! {
        <div class="views">
            <div class="seg" role="group" aria-label="View">
                {item(View::Compose, "Compose".into_any())}
                {item(View::Log, count.into_any())}
                {item(View::Checks, "Checks".into_any())}
            </div>
        </div>
    }
    .into_any()
}

fn act(
    action: Action,
    connection: Connection,
    composer: Composer,
    log_view: LogView,
    help: RwSignal<bool>,
) {
    match action {
        Action::Connect if connection.state.with_untracked(ConnectionState::is_busy) => {
            connection.disconnect()
        }
        Action::Connect => connection.connect(None),
        Action::Send => send(composer, connection),
        Action::ToggleJson if composer.json.with_untracked(Option::is_some) => {
            composer.write_form()
        }
        Action::ToggleJson => composer.write_json(),
        Action::Find => focus(&format!("#{FIND}")),
        Action::Pause => log_view.pause(!log_view.paused.get_untracked()),
        Action::Help => help.set(true),
    }
}

fn focus_composer() {
    focus("[data-pane=message] textarea, [data-pane=message] .field input");
}

fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that is visible can be focused; otherwise the focus stays where it is.
        let _ = element.focus();
    }
}
