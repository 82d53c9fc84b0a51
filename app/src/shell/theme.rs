//! System, light, dark: chosen by a button, stored in the browser. `document::BEFORE_PAINT` applies
//! it before the first paint.

use super::Icon;
use crate::browser;
use leptos::prelude::*;

const KEY: &str = "theme";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The value in storage and in `data-theme`; the system's theme needs neither.
    fn stored(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.name())
    }

    fn read(stored: Option<&str>) -> Self {
        [Self::Light, Self::Dark]
            .into_iter()
            .find(|theme| theme.stored() == stored)
            .unwrap_or(Self::System)
    }

    fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    fn apply(self) {
        let Some(root) = browser::root() else { return };
        // Setting a known attribute cannot fail.
        let _ = match self.stored() {
            Some(name) => root.set_attribute("data-theme", name),
            None => root.remove_attribute("data-theme"),
        };
        browser::store(KEY, self.stored());
    }
}

/// Switches from one theme to the next.
#[component]
pub(crate) fn ThemeButton(
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let theme = RwSignal::new(Theme::System);
    Effect::new(move |_| theme.set(Theme::read(browser::stored(KEY).as_deref())));
    let change = move |_| {
        theme.update(|theme| *theme = theme.next());
        theme.get_untracked().apply();
    };
    let label = move || format!("Theme: {}", theme.get().name());
    view! {
        <button
            class="btn tip"
            data-variant="quiet"
            data-icon=""
            type="button"
            aria-label=label
            disabled=move || !live.get()
            on:click=change
        >
            <Icon name="theme"/>
            <span class="tip__text" data-side="end" aria-hidden="true">{label}</span>
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_steps_lead_back_and_each_is_read_again() {
        let mut theme = Theme::System;
        for _ in 0..3 {
            assert_eq!(Theme::read(theme.stored()), theme);
            theme = theme.next();
        }
        assert_eq!(theme, Theme::System);
        assert_eq!(Theme::read(Some("nonsense")), Theme::System);
    }
}
