//! The keys that work everywhere on the page. Single letters work only while no field has the
//! focus, and only if the user has not switched them off (WCAG 2.1.4).

use crate::browser;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

const KEY: &str = "single-letter-shortcuts";
const OFF: &str = "off";

/// Whether single letters are shortcuts.
#[derive(Clone, Copy)]
pub(crate) struct Shortcuts {
    pub(crate) letters: RwSignal<bool>,
}

impl Shortcuts {
    pub(crate) fn new() -> Self {
        let letters = RwSignal::new(true);
        Effect::new(move |_| letters.set(browser::stored(KEY).as_deref() != Some(OFF)));
        Self { letters }
    }

    /// Switches them on or off, also for later visits.
    pub(crate) fn set(self, letters: bool) {
        self.letters.set(letters);
        browser::store(KEY, (!letters).then_some(OFF));
    }
}

/// What a shortcut does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Connect,
    Send,
    ToggleJson,
    Find,
    Pause,
    Help,
}

/// The action of a key; `letters`: single letters are shortcuts.
fn action(key: &str, control: bool, letters: bool) -> Option<Action> {
    match key {
        "Enter" if control => Some(Action::Send),
        "k" | "K" if control => Some(Action::Connect),
        "j" | "J" if control => Some(Action::ToggleJson),
        "/" if letters && !control => Some(Action::Find),
        "p" if letters && !control => Some(Action::Pause),
        "?" if letters && !control => Some(Action::Help),
        _ => None,
    }
}

/// Calls `act` for each shortcut that is pressed, until the owner is cleaned up.
pub(crate) fn listen(shortcuts: Shortcuts, act: impl Fn(Action) + 'static) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let control = event.ctrl_key() || event.meta_key();
        let letters = shortcuts.letters.get_untracked()
            && !event.alt_key()
            && !in_field(&event)
            && !dialog_open();
        if event.default_prevented() || event.repeat() {
            return;
        }
        if let Some(action) = action(&event.key(), control, letters) {
            event.prevent_default();
            act(action);
        }
    });
    on_cleanup(move || handle.remove());
}

fn in_field(event: &ev::KeyboardEvent) -> bool {
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    })
}

fn dialog_open() -> bool {
    document().query_selector("dialog[open]").is_ok_and(|found| found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_only_where_they_may() {
        assert_eq!(action("p", false, true), Some(Action::Pause));
        assert_eq!(action("p", false, false), None);
        assert_eq!(action("p", true, true), None);
        assert_eq!(action("Enter", true, false), Some(Action::Send));
        assert_eq!(action("Enter", false, true), None);
    }
}
