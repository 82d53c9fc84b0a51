//! The strip "Checks" below the log: each guarantee with its observations, and two controls to try
//! a resume.

use super::tracker::{Counts, Findings, Resume};
use crate::{
    connection::{Connection, ConnectionState},
    log::entry::Checked,
    shell::Icon,
};
use leptos::prelude::*;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckResult {
    Holds,
    Broken,
    /// No observation yet that could prove it.
    Idle,
}

impl CheckResult {
    /// The value of `data-result`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Idle => "idle",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "bad",
            Self::Idle => "idle",
        }
    }
}

/// One check: its result, and the observations in words.
type Check = (CheckResult, String);

/// The strip.
#[component]
pub(crate) fn Checks(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let findings = Memo::new(move |_| connection.findings());
    let checked = Memo::new(move |_| connection.feed().watch(|store| store.totals().checked));
    let waiting = Memo::new(move |_| {
        connection.state.with(|state| matches!(state, ConnectionState::Waiting { .. }))
    });
    let counts = move || findings.with(|findings| findings.counts);
    view! {
        <section class="bench__proof" aria-labelledby="checks-title">
            <div class="proof">
                <div class="proof__head">
                    <h2 class="pane__title" id="checks-title">"Checks"</h2>
                    <Controls connection live/>
                </div>
                <ul class="checks__list">
                    <Row name="Order" check=Memo::new(move |_| order(counts()))/>
                    <Row name="Gaps" check=Memo::new(move |_| gaps(counts()))/>
                    <Row name="Duplicates" check=Memo::new(move |_| duplicates(counts()))/>
                    <Row name="Resume" check=Memo::new(move |_| resume(findings.get(), waiting.get()))/>
                    <Row name="Signatures" check=Memo::new(move |_| signatures(checked.get()))/>
                </ul>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Controls(
    /// The connection.
    connection: Connection,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let open = Memo::new(move |_| connection.state.with(|state| *state == ConnectionState::Open));
    view! {
        <div class="proof__acts">
            <label class="option">
                <input
                    class="tick"
                    type="checkbox"
                    checked=true
                    prop:checked=move || connection.automatic.get()
                    disabled=move || !live.get()
                    on:change=move |event| connection.set_automatic(event_target_checked(&event))
                />
                "Reconnect by itself"
            </label>
            <button
                class="btn"
                data-size="small"
                type="button"
                disabled=move || !open.get()
                on:click=move |_| connection.drop_connection("this page has dropped it")
            >
                <Icon name="cut"/>
                "Drop connection"
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn Row(
    /// The guarantee.
    name: &'static str,
    /// Its result.
    check: Memo<Check>,
) -> impl IntoView {
    let result = Memo::new(move |_| check.with(|(result, _)| *result));
    view! {
        <li class="check" data-result=move || result.get().as_str()>
            <crate::shell::ChangingIcon name=Signal::derive(move || result.get().icon()) class="icon check__mark"/>
            <span class="check__name">{name}</span>
            <span class="check__value">{move || check.with(|(_, seen)| seen.clone())}</span>
        </li>
    }
    .into_any()
}

fn order(counts: Counts) -> Check {
    match counts {
        Counts { messages: 0, .. } => (CheckResult::Idle, "nothing yet".into()),
        Counts { late: 0, messages, .. } => (CheckResult::Holds, format!("{messages} in order")),
        Counts { late, .. } => (CheckResult::Broken, format!("{late} came late")),
    }
}

fn gaps(counts: Counts) -> Check {
    match counts {
        Counts { messages: 0, gaps: 0, .. } => (CheckResult::Idle, "nothing yet".into()),
        Counts { gaps: 0, .. } => (CheckResult::Holds, "0".into()),
        Counts { gaps, .. } => (CheckResult::Broken, gaps.to_string()),
    }
}

fn duplicates(counts: Counts) -> Check {
    match counts {
        Counts { repeats: 0, duplicates: 0, messages: 0, .. } => {
            (CheckResult::Idle, "nothing yet".into())
        }
        Counts { repeats: 0, duplicates: 0, .. } => (CheckResult::Holds, "none came".into()),
        Counts { repeats: 0, duplicates, .. } => {
            (CheckResult::Holds, format!("{duplicates} suppressed"))
        }
        Counts { repeats, .. } => (CheckResult::Broken, format!("{repeats} came twice")),
    }
}

fn resume(findings: Findings, waiting: bool) -> Check {
    match findings.resume {
        _ if waiting => (CheckResult::Idle, "waiting to reconnect".into()),
        Resume::Untried => (CheckResult::Idle, "not tried".into()),
        Resume::Asked { .. } => (CheckResult::Idle, "waiting for the answer".into()),
        Resume::Answered { lost: 0, same_session, replayed } => {
            let what = if same_session { "resumed ✓" } else { "new session ✓" };
            (CheckResult::Holds, format!("{what} {replayed} replayed"))
        }
        Resume::Answered { lost: 1, .. } => {
            (CheckResult::Broken, "1 topic may lack messages".into())
        }
        Resume::Answered { lost, .. } => {
            (CheckResult::Broken, format!("{lost} topics may lack messages"))
        }
    }
}

fn signatures(checked: Checked) -> Check {
    match checked {
        Checked { good: 0, bad: 0 } => (CheckResult::Idle, "none seen".into()),
        Checked { good, bad: 0 } => (CheckResult::Holds, format!("{good} verified")),
        Checked { bad, .. } => (CheckResult::Broken, format!("{bad} not verified")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_is_not_good() {
        let none = Counts::default();
        for check in [
            order(none),
            gaps(none),
            duplicates(none),
            resume(Findings::default(), false),
            signatures(Checked::default()),
        ] {
            assert_eq!(check.0, CheckResult::Idle);
        }
    }

    #[test]
    fn a_resume_that_missed_nothing_says_what_it_brought() {
        let answered = |same_session, lost| {
            let resume = Resume::Answered { same_session, lost, replayed: 500 };
            Findings { resume, ..Findings::default() }
        };
        assert_eq!(
            resume(answered(true, 0), false),
            (CheckResult::Holds, "resumed ✓ 500 replayed".to_owned())
        );
        assert_eq!(resume(answered(false, 0), false).0, CheckResult::Holds);
        assert_eq!(
            resume(answered(true, 2), false),
            (CheckResult::Broken, "2 topics may lack messages".to_owned())
        );
        assert_eq!(resume(answered(true, 0), true).0, CheckResult::Idle);
    }
}
