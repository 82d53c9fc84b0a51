//! The icons: one sprite in the document, used by name.

use crate::standing::words;
use leptos::prelude::*;

const SPRITE: &str = words(include_str!("icons.svg"));

/// The shapes that [`Icon`] and the rows of the log refer to.
#[component]
pub(crate) fn Sprite() -> impl IntoView {
    view! { <svg hidden="" aria-hidden="true" inner_html=SPRITE></svg> }
}

/// A decorative icon; what it means has to be said beside it.
#[component]
pub(crate) fn Icon(
    /// The symbol's name without `i-`.
    name: &'static str,
    /// Its class: the size, and what it is for.
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
