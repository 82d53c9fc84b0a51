//! The list of contents beside the reading part of the page.

use super::anchors;
use leptos::prelude::*;
use protocol::{
    ClientFrame, ServerFrame,
    reference::Direction::{self, ToClient, ToServer},
};

const ENDPOINTS: [(&str, &str); 2] = [("endpoints", "HTTP"), ("sockets", "WebSocket")];
const CONNECTION: [(&str, &str); 3] = [("protocol", "At a glance"), ("flow", "One topic"), ("order-of-answers", "What comes when")];
const TROUBLE: [(&str, &str); 3] = [("errors", "Error codes"), ("closes", "Close codes"), ("limits", "Limits")];
const PROMISES: [(&str, &str); 2] = [("delivery", "Once, in order"), ("invariants", "Invariants")];

/// Links to every section, and to every frame. At the side where there is room, otherwise above the text, to fold away.
#[component]
pub fn Contents() -> impl IntoView {
    view! {
        <nav class="doc__toc" aria-label="On this page">
            <details class="toc-fold" open>
                <summary>"On this page"</summary>
                <div class="toc">
                    <Group title="Endpoints" entries=owned(&ENDPOINTS)/>
                    <Group title="The protocol" entries=owned(&CONNECTION)/>
                    <Group title="You send" entries=frames(&ClientFrame::KINDS, ToServer)/>
                    <Group title="The gateway sends" entries=frames(&ServerFrame::KINDS, ToClient)/>
                    <Group title="When it goes wrong" entries=owned(&TROUBLE)/>
                    <Group title="What it promises" entries=owned(&PROMISES)/>
                </div>
            </details>
        </nav>
    }
}

/// Anchor and text.
type Entry = (String, &'static str);

#[component]
fn Group(title: &'static str, entries: Vec<Entry>) -> impl IntoView {
    view! {
        <p class="toc__title">{title}</p>
        {entries.into_iter().map(|(anchor, text)| view! { <a href=format!("#{anchor}")>{text}</a> }).collect_view()}
    }
}

fn owned(entries: &[(&str, &'static str)]) -> Vec<Entry> {
    entries.iter().map(|&(anchor, text)| (anchor.to_owned(), text)).collect()
}

fn frames(kinds: &[&'static str], direction: Direction) -> Vec<Entry> {
    kinds.iter().map(|&kind| (anchors::frame(kind, direction), kind)).collect()
}
