//! The bar at the top: brand, sections, the connection's state, theme and help.

use super::{Icon, Status, theme::ThemeButton};
use crate::connection::Connection;
use leptos::{ev, prelude::*};

/// The sections of the page: anchor and name.
const SECTIONS: [(&str, &str); 3] =
    [("playground", "Playground"), ("endpoints", "Endpoints"), ("protocol", "Protocol")];
/// A section is the current one as soon as it reaches this part of the window's height.
const READING_LINE: f64 = 0.4;

/// The bar.
#[component]
pub(crate) fn TopBar(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
    /// Whether the help is open.
    help: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <header class="topbar">
            <a class="brand" href="#playground">
                <Icon name="brand" class="icon brand__mark"/>
                <span class="brand__word">"Micro Socket"</span>
            </a>
            <Sections/>
            <div class="topbar__end">
                <div class="statusline" role="group" aria-label="Connection"><Status connection live/></div>
                <ThemeButton live/>
                <button
                    class="btn tip"
                    data-variant="quiet"
                    data-icon=""
                    type="button"
                    aria-label="Help and shortcuts"
                    aria-haspopup="dialog"
                    disabled=move || !live.get()
                    on:click=move |_| help.set(true)
                >
                    <Icon name="help"/>
                    <span class="tip__text" data-side="end" aria-hidden="true">"Help "<kbd class="kbd">"?"</kbd></span>
                </button>
            </div>
        </header>
    }
    .into_any()
}

#[component]
fn Sections() -> impl IntoView {
    let current = RwSignal::new(SECTIONS[0].0);
    let look = move || {
        let found = section_in_view();
        if current.get_untracked() != found {
            current.set(found);
        }
    };
    Effect::new(move |_| {
        look();
        let scrolled = window_event_listener(ev::scroll, move |_| look());
        on_cleanup(move || scrolled.remove());
    });
    let link = move |(anchor, name): (&'static str, &'static str)| {
        view! { <a href=format!("#{anchor}") aria-current=move || (current.get() == anchor).then_some("true")>{name}</a> }
    };
    view! { <nav class="nav" aria-label="Sections">{SECTIONS.map(link)}</nav> }.into_any()
}

/// The last section that begins above the reading line.
fn section_in_view() -> &'static str {
    let line = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0)
        * READING_LINE;
    let above = |anchor: &str| {
        document()
            .get_element_by_id(anchor)
            .is_some_and(|section| section.get_bounding_client_rect().top() <= line)
    };
    SECTIONS
        .into_iter()
        .map(|(anchor, _)| anchor)
        .rfind(|anchor| above(anchor))
        .unwrap_or(SECTIONS[0].0)
}
