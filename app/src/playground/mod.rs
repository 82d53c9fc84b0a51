//! The playground: connection and composer at the left, the log above the checks at the right; on a
//! narrow screen one of the three at a time.

use crate::{
    browser,
    checks::Checks,
    composer::{Composer, MessagePane, send},
    connection::{ConnectionPane, Endpoint, Line, Link, watch},
    log::{FIND, LogPane, Screen},
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
    line: Line,
    /// The log.
    screen: Screen,
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
        let page = browser::page();
        line.url.set(Endpoint::Many.url(&page).unwrap_or_default());
        line.page.set(page);
        screen.timezone.set(browser::timezone_offset());
        composer.renew_id();
        line.recall();
        watch(line);
        listen(shortcuts, move |action| act(action, line, composer, screen, help));
    });
    let again = Callback::new(move |frame: String| {
        line.send(&frame);
    });
    let edit = Callback::new(move |frame: String| {
        composer.edit(&frame);
        view.set(View::Compose);
        request_animation_frame(focus_composer);
    });
    view! {
        <section class="screen" id="playground" aria-label="Playground">
            <Views view screen live/>
            <div class="bench" data-view=move || view.get().as_str()>
                <div class="bench__compose">
                    <ConnectionPane line live edit/>
                    <MessagePane composer line live/>
                </div>
                <div class="bench__data">
                    <div class="bench__log"><LogPane screen line live again edit/></div>
                    <Checks line live/>
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
    screen: Screen,
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
        <span class="count">{move || screen.feed.watch(|store| store.len())}</span>
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

fn act(action: Action, line: Line, composer: Composer, screen: Screen, help: RwSignal<bool>) {
    match action {
        Action::Connect if line.link.with_untracked(Link::is_busy) => line.disconnect(),
        Action::Connect => line.connect(None),
        Action::Send => send(composer, line),
        Action::ToggleJson if composer.json.with_untracked(Option::is_some) => {
            composer.write_form()
        }
        Action::ToggleJson => composer.write_json(),
        Action::Find => focus(&format!("#{FIND}")),
        Action::Pause => screen.pause(!screen.paused.get_untracked()),
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
