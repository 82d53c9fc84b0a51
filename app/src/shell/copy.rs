//! A button that copies, and shows for a moment that it has.

use super::ChangingIcon;
use crate::browser;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

const SAID_FOR: Duration = Duration::from_millis(1500);

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Copied,
    Refused,
}

/// An icon with a name.
#[component]
pub(crate) fn CopyButton(
    /// The label, for instance "Copy the frame".
    label: &'static str,
    /// The text, read when the button is clicked.
    #[prop(into)]
    text: Callback<(), String>,
    /// Whether it is placed at the end of its bar.
    #[prop(optional)]
    end: bool,
    /// Whether it is disabled.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<Outcome>);
    let copy = move |_| {
        let text = text.run(());
        spawn_local(async move {
            let copied = browser::copy(text).await;
            // The button may have been removed by now.
            outcome.try_set(Some(if copied { Outcome::Copied } else { Outcome::Refused }));
            let calm = move || {
                outcome.try_set(None);
            };
            set_timeout(calm, SAID_FOR);
        });
    };
    let word = move || match outcome.get() {
        None => label,
        Some(Outcome::Copied) => "Copied",
        Some(Outcome::Refused) => "The browser does not allow it",
    };
    let icon =
        Signal::derive(
            move || if outcome.get() == Some(Outcome::Copied) { "check" } else { "copy" },
        );
    view! {
        <button
            class="btn tip"
            data-variant="quiet"
            data-icon=""
            data-size="small"
            data-end=end.then_some("")
            data-open=move || outcome.get().map(|_| "")
            type="button"
            aria-label=label
            disabled=move || disabled.get()
            on:click=copy
        >
            <ChangingIcon name=icon/>
            <span class="tip__text" data-side="end" aria-hidden="true">{word}</span>
        </button>
    }
    .into_any()
}
