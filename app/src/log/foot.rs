//! The status bar below the rows: how many there are, how many wait, and the announcements of new
//! rows for screen readers.

use super::{
    clock,
    screen::Screen,
    store::{Store, Totals},
};
use crate::{
    connection::{Line, Link, signature_words},
    shell::Icon,
};
use leptos::prelude::*;
use std::time::Duration;

/// The least time between two announcements.
const QUIET: Duration = Duration::from_secs(2);

/// The status bar.
#[component]
pub(crate) fn Foot(
    /// What is shown.
    screen: Screen,
    /// The connection.
    line: Line,
) -> impl IntoView {
    let counts = Memo::new(move |_| {
        screen.feed.watch(|store| (store.len(), store.shown(), store.waiting()))
    });
    let totals = Memo::new(move |_| screen.feed.watch(Store::totals));
    let said = announcements(screen, line);
    let filled = Memo::new(move |_| counts.get().0 > 0);
    view! {
        <div class="log__foot">
            <span>{move || counted(counts.get())}</span>
            <span class="log__bytes">{move || bytes(totals.get())}</span>
            <span class="log__signatures">{move || signature_words(totals.get().checked)}</span>
            <span role="status" class="visually-hidden">{move || said.get()}</span>
            {move || filled.get().then(|| view! { <FollowButton screen/> })}
        </div>
    }
    .into_any()
}

fn counted((all, shown, waiting): (usize, usize, usize)) -> String {
    let waiting = if waiting > 0 { format!(", paused: {waiting} waiting") } else { String::new() };
    match all {
        0 => "No frames yet".into(),
        _ => format!("{shown} of {all} rows{waiting}"),
    }
}

fn bytes(totals: Totals) -> String {
    match totals {
        Totals { entries: 0, .. } => String::new(),
        Totals { bytes_in, bytes_out, .. } => {
            format!("{} in, {} out", clock::size(bytes_in), clock::size(bytes_out))
        }
    }
}

#[component]
fn FollowButton(
    /// What is shown.
    screen: Screen,
) -> impl IntoView {
    let following = screen.following;
    let label = move || match (following.get(), screen.unseen()) {
        (true, _) => "Following newest".to_owned(),
        (false, 0) => "Follow newest".to_owned(),
        (false, 1) => "1 new row".to_owned(),
        (false, new) => format!("{new} new rows"),
    };
    view! {
        <button
            class="btn"
            data-variant="quiet"
            data-size="small"
            type="button"
            aria-pressed=move || following.get().to_string()
            on:click=move |_| screen.follow(!following.get_untracked())
        >
            <Icon name="follow"/>
            {label}
        </button>
    }
    .into_any()
}

/// The announcements for a screen reader: the connection's state, and sums of the new rows, at most
/// once per [`QUIET`].
fn announcements(screen: Screen, line: Line) -> ReadSignal<String> {
    let (said, say) = signal(String::new());
    let waits = StoredValue::new(false);
    let told = StoredValue::new((Totals::default(), Link::Idle));
    let speak = move || {
        waits.set_value(false);
        let now = (screen.feed.read(Store::totals), line.link.get_untracked());
        let before = told.get_value();
        let text = announcement((&before.0, &before.1), (&now.0, &now.1));
        told.set_value(now);
        if !text.is_empty() {
            say.set(text);
        }
    };
    Effect::new(move |_| {
        screen.feed.watch(|_| ());
        line.link.track();
        if !waits.get_value() {
            waits.set_value(true);
            set_timeout(speak, QUIET);
        }
    });
    said
}

fn announcement(before: (&Totals, &Link), now: (&Totals, &Link)) -> String {
    let mut parts = Vec::new();
    if before.1 != now.1 {
        parts.push(now.1.words());
    }
    let new = |count: fn(&Totals) -> usize| count(now.0).saturating_sub(count(before.0));
    for (count, one, many) in
        [(new(|t| t.entries), "new row", "new rows"), (new(|t| t.errors), "error", "errors")]
    {
        match count {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            _ => parts.push(format!("{count} {many}")),
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_sums() {
        let totals = |entries, errors| Totals { entries, errors, ..Totals::default() };
        let said = announcement((&totals(2, 0), &Link::Connecting), (&totals(14, 1), &Link::Open));
        assert_eq!(said, "connected, 12 new rows, 1 error");
        assert_eq!(announcement((&totals(9, 0), &Link::Open), (&totals(1, 0), &Link::Open)), "");
    }

    #[test]
    fn counts_say_what_is_hidden() {
        assert_eq!(counted((0, 0, 0)), "No frames yet");
        assert_eq!(counted((29, 3, 0)), "3 of 29 rows");
        assert_eq!(counted((29, 3, 7)), "3 of 29 rows, paused: 7 waiting");
    }
}
