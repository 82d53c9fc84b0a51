//! The tools above the rows: find, filter, pause, copy, clear.

use super::{
    entry::{Direction, RAW},
    export::json_lines,
    log_view::LogView,
    store::Store,
};
use crate::shell::{ChangingIcon, CopyButton, Icon};
use leptos::prelude::*;
use protocol::{ClientFrame, ServerFrame};

/// The id of the search field, for the shortcut.
pub(crate) const FIND: &str = "find";

/// The bar.
#[component]
pub(crate) fn Bar(
    /// What is shown.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    view! {
        <div class="log__bar">
            <h2 class="log__title" id="log-title">
                <span class="log__word">"Log"</span>
                " "
                <span class="count">{move || log_view.feed.watch(Store::len)}</span>
            </h2>
            <Find log_view live/>
            <Directions log_view live/>
            <Kinds log_view live/>
            <div class="log__tools" role="group" aria-label="Log">
                <PauseButton log_view live/>
                <CopyButton
                    label="Copy the log as JSON lines"
                    text=move |()| log_view.feed.read(|store| json_lines(store.iter_shown()))
                    disabled=Signal::derive(move || !live.get())
                />
                <button
                    class="btn tip"
                    data-variant="quiet"
                    data-icon=""
                    data-size="small"
                    type="button"
                    aria-label="Clear the log"
                    disabled=move || !live.get()
                    on:click=move |_| log_view.clear()
                >
                    <Icon name="clear"/>
                    <span class="tip__text" data-side="end" aria-hidden="true">"Clear"</span>
                </button>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Find(
    /// What is shown.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let hits = move || {
        let set = log_view.filter.with(|filter| !filter.text.is_empty());
        if set {
            log_view.feed.watch(Store::shown).to_string().into_any()
        } else {
            view! { <kbd class="kbd">"/"</kbd> }.into_any()
        }
    };
    view! {
        <div class="search">
            <Icon name="search"/>
            <input
                class="input"
                id=FIND
                type="search"
                placeholder="Find in frames"
                aria-label="Find in frames"
                autocomplete="off"
                spellcheck="false"
                disabled=move || !live.get()
                prop:value=move || log_view.filter.with(|filter| filter.text.clone())
                on:input=move |event| log_view.change_filter(|filter| filter.text = event_target_value(&event))
            />
            <span class="search__hits" aria-hidden="true">{hits}</span>
        </div>
    }
    .into_any()
}

#[component]
fn Directions(
    /// What is shown.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let choice = move |(name, direction): (&'static str, Option<Direction>)| {
        let chosen = move || log_view.filter.with(|filter| filter.direction == direction);
        view! {
            <button
                class="seg__item"
                type="button"
                aria-pressed=move || chosen().to_string()
                disabled=move || !live.get()
                on:click=move |_| log_view.change_filter(|filter| filter.direction = direction)
            >
                {name}
            </button>
        }
    };
    let choices = [("Both", None), ("Out", Some(Direction::Out)), ("In", Some(Direction::In))];
    view! { <div class="seg" role="group" aria-label="Direction">{choices.map(choice)}</div> }
        .into_any()
}

#[component]
fn Kinds(
    /// What is shown.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let option = |kind: &'static str| view! { <option value=kind>{kind}</option> };
    let only_received =
        ServerFrame::KINDS.into_iter().filter(|kind| !ClientFrame::KINDS.contains(kind));
    let choose = move |kind: String| {
        log_view.change_filter(|filter| filter.kind = Some(kind).filter(|kind| !kind.is_empty()))
    };
    view! {
        <select
            class="filter"
            aria-label="Kind"
            data-set=move || log_view.filter.with(|filter| filter.kind.is_some()).then_some("")
            disabled=move || !live.get()
            prop:value=move || log_view.filter.with(|filter| filter.kind.clone().unwrap_or_default())
            on:change=move |event| choose(event_target_value(&event))
        >
            <option value="">"All kinds"</option>
            <optgroup label="You send">{ClientFrame::KINDS.map(option)}</optgroup>
            <optgroup label="The gateway sends">{only_received.map(option).collect_view()}</optgroup>
            <optgroup label="Other">{["open", "close", "wait", RAW, "binary"].map(option)}</optgroup>
        </select>
    }
    .into_any()
}

#[component]
fn PauseButton(
    /// What is shown.
    log_view: LogView,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let paused = log_view.paused;
    view! {
        <button
            class="btn tip"
            data-variant="quiet"
            data-size="small"
            type="button"
            aria-label="Pause"
            aria-pressed=move || paused.get().to_string()
            disabled=move || !live.get()
            on:click=move |_| log_view.pause(!paused.get_untracked())
        >
            <ChangingIcon name=Signal::derive(move || if paused.get() { "play" } else { "pause" })/>
            <span class="btn__word" aria-hidden="true">"Pause"</span>
        </button>
    }
    .into_any()
}
