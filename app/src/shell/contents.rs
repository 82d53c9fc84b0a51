//! The contents beside the reading part of the page.

use leptos::prelude::*;
use protocol::{ClientFrame, ServerFrame};

/// Links to every section and frame. The anchors are `reference`'s.
#[component]
pub(crate) fn Contents() -> impl IntoView {
    let link = |anchor: String, name: &'static str| view! { <a href=format!("#{anchor}")>{name}</a> };
    let sent = ClientFrame::KINDS.map(|kind| link(format!("frame-{kind}"), kind));
    let received = ServerFrame::KINDS.map(|kind| link(server_anchor(kind), kind));
    view! {
        <nav class="doc__toc" aria-label="On this page">
            <details class="toc-fold" open="">
                <summary>"On this page"</summary>
                <div class="toc">
                    <p class="toc__title">"Endpoints"</p>
                    {link("endpoints".into(), "Over HTTP")}
                    <p class="toc__title">"Protocol"</p>
                    {link("protocol".into(), "How it goes")}
                    <p class="toc__title">"You send"</p>
                    {sent}
                    <p class="toc__title">"The gateway sends"</p>
                    {received}
                    <p class="toc__title">"When it goes wrong"</p>
                    {link("errors".into(), "Error codes")}
                    {link("closes".into(), "Close codes")}
                    <p class="toc__title">"What it promises"</p>
                    {link("invariants".into(), "Invariants")}
                </div>
            </details>
        </nav>
    }
}

/// Both sides have an `ack`.
fn server_anchor(kind: &str) -> String {
    let suffix = if ClientFrame::KINDS.contains(&kind) { "-in" } else { "" };
    format!("frame-{kind}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_anchor_stands_twice() {
        assert_eq!(server_anchor("ack"), "frame-ack-in");
        assert_eq!(server_anchor("pong"), "frame-pong");
    }
}
