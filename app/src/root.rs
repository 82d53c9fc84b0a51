//! The page's root component, which server and browser render alike.

use crate::{
    browser,
    connection::Connection,
    endpoints::Endpoints,
    log::{Feed, LogView},
    playground::Playground,
    reference::Contents,
    shell::{Help, Shortcuts, Sprite, TopBar},
    static_html,
};
use leptos::prelude::*;

/// The page's root component.
#[component]
pub fn App() -> impl IntoView {
    let alive = RwSignal::new(false);
    let live: Signal<bool> = alive.into();
    let connection = Connection::new(Feed::new());
    let log_view = LogView::new(connection.feed());
    let help = RwSignal::new(false);
    let shortcuts = Shortcuts::new();
    // Effects run in the browser only.
    Effect::new(move |_| {
        alive.set(true);
        if let Some(root) = browser::root() {
            // Setting a known attribute cannot fail.
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
    view! {
        <Sprite/>
        <a class="skip-link" href="#main">"Skip to the page"</a>
        <TopBar connection live help/>
        <main id="main" tabindex="-1">
            <h1 class="visually-hidden">"Micro Socket"</h1>
            <Playground connection log_view live help shortcuts/>
            <div class="doc">
                <Contents/>
                <div class="doc__body">
                    <Endpoints/>
                    <StaticReference/>
                </div>
            </div>
        </main>
        <Help open=help shortcuts/>
    }
    .into_any()
}

/// The static part of the page: the protocol's reference. The browser keeps the server's HTML and
/// never renders it, so a third of the page's code is not in the WebAssembly.
#[component]
fn StaticReference() -> impl IntoView {
    let html = static_html::render(|| view! { <crate::reference::Reference/> });
    view! { <div class="doc__standing" inner_html=html></div> }
}
