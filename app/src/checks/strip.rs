//! The strip "Checks" below the log: each guarantee with its observations, and two controls to try
//! a resume.

use super::ledger::{Counts, Findings, Resume};
use crate::{
    connection::{Line, Link},
    log::entry::Checked,
    shell::Icon,
};
use leptos::prelude::*;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    Broken,
    /// No observation yet that could prove it.
    Idle,
}

impl Standing {
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
type Check = (Standing, String);

/// The strip.
#[component]
pub(crate) fn Checks(
    /// The connection.
    line: Line,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let findings = Memo::new(move |_| line.findings());
    let checked = Memo::new(move |_| line.feed().watch(|store| store.totals().checked));
    let waiting = Memo::new(move |_| line.link.with(|link| matches!(link, Link::Waiting { .. })));
    let counts = move || findings.with(|findings| findings.counts);
    view! {
        <section class="bench__proof" aria-labelledby="checks-title">
            <div class="proof">
                <div class="proof__head">
                    <h2 class="pane__title" id="checks-title">"Checks"</h2>
                    <Acts line live/>
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
fn Acts(
    /// The connection.
    line: Line,
    /// Whether the page is hydrated.
    live: Signal<bool>,
) -> impl IntoView {
    let open = Memo::new(move |_| line.link.with(|link| *link == Link::Open));
    view! {
        <div class="proof__acts">
            <label class="option">
                <input
                    class="tick"
                    type="checkbox"
                    checked=true
                    prop:checked=move || line.automatic.get()
                    disabled=move || !live.get()
                    on:change=move |event| line.set_automatic(event_target_checked(&event))
                />
                "Reconnect by itself"
            </label>
            <button
                class="btn"
                data-size="small"
                type="button"
                disabled=move || !open.get()
                on:click=move |_| line.break_off("this page has dropped it")
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
        Counts { messages: 0, .. } => (Standing::Idle, "nothing yet".into()),
        Counts { late: 0, messages, .. } => (Standing::Holds, format!("{messages} in order")),
        Counts { late, .. } => (Standing::Broken, format!("{late} came late")),
    }
}

fn gaps(counts: Counts) -> Check {
    match counts {
        Counts { messages: 0, gaps: 0, .. } => (Standing::Idle, "nothing yet".into()),
        Counts { gaps: 0, .. } => (Standing::Holds, "0".into()),
        Counts { gaps, .. } => (Standing::Broken, gaps.to_string()),
    }
}

fn duplicates(counts: Counts) -> Check {
    match counts {
        Counts { twice: 0, duplicates: 0, messages: 0, .. } => {
            (Standing::Idle, "nothing yet".into())
        }
        Counts { twice: 0, duplicates: 0, .. } => (Standing::Holds, "none came".into()),
        Counts { twice: 0, duplicates, .. } => {
            (Standing::Holds, format!("{duplicates} suppressed"))
        }
        Counts { twice, .. } => (Standing::Broken, format!("{twice} came twice")),
    }
}

fn resume(findings: Findings, waiting: bool) -> Check {
    match findings.resume {
        _ if waiting => (Standing::Idle, "waits for the line".into()),
        Resume::Untried => (Standing::Idle, "not tried".into()),
        Resume::Asked { .. } => (Standing::Idle, "asked".into()),
        Resume::Answered { lost: 0, same_session, replayed } => {
            let what = if same_session { "resumed ✓" } else { "new session ✓" };
            (Standing::Holds, format!("{what} {replayed} replayed"))
        }
        Resume::Answered { lost: 1, .. } => (Standing::Broken, "1 topic may lack some".into()),
        Resume::Answered { lost, .. } => (Standing::Broken, format!("{lost} topics may lack some")),
    }
}

fn signatures(checked: Checked) -> Check {
    match checked {
        Checked { good: 0, bad: 0 } => (Standing::Idle, "none seen".into()),
        Checked { good, bad: 0 } => (Standing::Holds, format!("{good} verified")),
        Checked { bad, .. } => (Standing::Broken, format!("{bad} not verified")),
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
            assert_eq!(check.0, Standing::Idle);
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
            (Standing::Holds, "resumed ✓ 500 replayed".to_owned())
        );
        assert_eq!(resume(answered(false, 0), false).0, Standing::Holds);
        assert_eq!(
            resume(answered(true, 2), false),
            (Standing::Broken, "2 topics may lack some".to_owned())
        );
        assert_eq!(resume(answered(true, 0), true).0, Standing::Idle);
    }
}
