//! The icons: one sprite in the document, referred to by name.

use crate::static_html::text;
use leptos::prelude::*;

const SPRITE: &str = text(include_str!("icons.svg"));

/// The shapes that [`Icon`] and the log's rows refer to.
#[component]
pub(crate) fn Sprite() -> impl IntoView {
    view! { <svg hidden="" aria-hidden="true" inner_html=SPRITE></svg> }
}

/// A decorative icon; a text beside it must say what it means.
#[component]
pub(crate) fn Icon(
    /// The symbol's name without `i-`.
    name: &'static str,
    /// Its class, which sets size and purpose.
    #[prop(default = "icon")]
    class: &'static str,
) -> impl IntoView {
    view! { <svg class=class aria-hidden="true"><use href=format!("#i-{name}")></use></svg> }
}

/// An icon that changes.
#[component]
pub(crate) fn ChangingIcon(
    /// The symbol's name without `i-`.
    #[prop(into)]
    name: Signal<&'static str>,
    /// Its class.
    #[prop(default = "icon")]
    class: &'static str,
) -> impl IntoView {
    view! { <svg class=class aria-hidden="true"><use href=move || format!("#i-{}", name.get())></use></svg> }
}
