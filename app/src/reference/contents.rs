//! The list of contents beside the reference.

use super::anchors;
use leptos::{ev, prelude::*};
use protocol::{
    ClientFrame, ServerFrame,
    reference::Direction::{self, ToClient, ToServer},
};

const ENDPOINTS: [(&str, &str); 2] = [("endpoints", "HTTP"), ("sockets", "WebSocket")];
const CONNECTION: [(&str, &str); 3] =
    [("protocol", "At a glance"), ("flow", "One topic"), ("order-of-answers", "Order of answers")];
const TROUBLE: [(&str, &str); 3] =
    [("errors", "Error codes"), ("closes", "Close codes"), ("limits", "Limits")];
const PROMISES: [(&str, &str); 2] = [("delivery", "Once, in order"), ("invariants", "Invariants")];

/// An entry is the current one once its section has scrolled up to this part of the window's
/// height.
const READING_LINE: f64 = 0.3;

/// Anchor and text.
type Entry = (String, &'static str);

/// Links to every section and to every frame. At the side if there is room, otherwise folded above
/// the text.
#[component]
pub fn Contents() -> impl IntoView {
    let groups = groups();
    let anchors: Vec<String> = groups
        .iter()
        .flat_map(|(_, entries)| entries.iter().map(|(anchor, _)| anchor.clone()))
        .collect();
    let current = follow(anchors);
    view! {
        <nav class="doc__toc" aria-label="On this page">
            <details class="toc-fold" open=true>
                <summary>"On this page"</summary>
                <div class="toc">
                    {groups.into_iter().map(|(title, entries)| view! { <Group title entries current/> }).collect_view()}
                </div>
            </details>
        </nav>
    }
}

#[component]
fn Group(
    title: &'static str,
    entries: Vec<Entry>,
    current: RwSignal<Option<String>>,
) -> impl IntoView {
    let link = move |(anchor, text): Entry| {
        let href = format!("#{anchor}");
        let is_current = move || current.read().as_ref() == Some(&anchor);
        view! { <a href=href aria-current=move || is_current().then_some("true")>{text}</a> }
    };
    view! {
        <p class="toc__title">{title}</p>
        {entries.into_iter().map(link).collect_view()}
    }
}

/// All entries, in the order of the page.
fn groups() -> [(&'static str, Vec<Entry>); 6] {
    [
        ("Endpoints", sections(&ENDPOINTS)),
        ("The protocol", sections(&CONNECTION)),
        ("You send", frames(&ClientFrame::KINDS, ToServer)),
        ("The gateway sends", frames(&ServerFrame::KINDS, ToClient)),
        ("When it goes wrong", sections(&TROUBLE)),
        ("Guarantees", sections(&PROMISES)),
    ]
}

fn sections(entries: &[(&str, &'static str)]) -> Vec<Entry> {
    entries.iter().map(|&(anchor, text)| (anchor.to_owned(), text)).collect()
}

fn frames(kinds: &[&'static str], direction: Direction) -> Vec<Entry> {
    kinds.iter().map(|&kind| (anchors::frame(kind, direction), kind)).collect()
}

/// The last of `anchors` that has passed the reading line, updated at most once per animation frame
/// while the page scrolls.
fn follow(anchors: Vec<String>) -> RwSignal<Option<String>> {
    let current = RwSignal::new(None);
    let anchors = StoredValue::new(anchors);
    let is_due = StoredValue::new(false);
    let look = move || {
        is_due.set_value(false);
        let found = anchors
            .with_value(|anchors| anchors.iter().rfind(|anchor| has_passed(anchor)).cloned());
        if *current.read_untracked() != found {
            current.set(found);
        }
    };
    Effect::new(move |_| {
        look();
        let scrolled = window_event_listener(ev::scroll, move |_| {
            if !is_due.get_value() {
                is_due.set_value(true);
                request_animation_frame(look);
            }
        });
        on_cleanup(move || scrolled.remove());
    });
    current
}

fn has_passed(anchor: &str) -> bool {
    let height =
        window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    document()
        .get_element_by_id(anchor)
        .is_some_and(|element| element.get_bounding_client_rect().top() <= height * READING_LINE)
}
