//! The status bar below the rows: how many there are, how many wait, and the announcements of new
//! rows for screen readers.

use super::{
    clock,
    log_view::LogView,
    store::{Store, Totals},
};
use crate::{
    connection::{Connection, ConnectionState, signature_words},
    shell::Icon,
};
use leptos::prelude::*;
use std::time::Duration;

/// The least time between two announcements.
const ANNOUNCEMENT_INTERVAL: Duration = Duration::from_secs(2);

/// The status bar.
#[component]
pub(crate) fn StatusBar(
    /// What is shown.
    log_view: LogView,
    /// The connection.
    connection: Connection,
) -> impl IntoView {
    let counts = Memo::new(move |_| {
        log_view.feed.watch(|store| (store.len(), store.shown(), store.waiting()))
    });
    let totals = Memo::new(move |_| log_view.feed.watch(Store::totals));
    let said = announcements(log_view, connection);
    let filled = Memo::new(move |_| counts.get().0 > 0);
    view! {
        <div class="log__foot">
            <span>{move || counted(counts.get())}</span>
            <span class="log__bytes">{move || bytes(totals.get())}</span>
            <span class="log__signatures">{move || signature_words(totals.get().checked)}</span>
            <span role="status" class="visually-hidden">{move || said.get()}</span>
            {move || filled.get().then(|| view! { <FollowButton log_view/> })}
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
    log_view: LogView,
) -> impl IntoView {
    let following = log_view.following;
    let label = move || match (following.get(), log_view.unseen()) {
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
            on:click=move |_| log_view.follow(!following.get_untracked())
        >
            <Icon name="follow"/>
            {label}
        </button>
    }
    .into_any()
}

/// The announcements for a screen reader: the connection's state, and sums of the new rows, at most
/// once per [`ANNOUNCEMENT_INTERVAL`].
fn announcements(log_view: LogView, connection: Connection) -> ReadSignal<String> {
    let (said, say) = signal(String::new());
    let waits = StoredValue::new(false);
    let told = StoredValue::new((Totals::default(), ConnectionState::Idle));
    let speak = move || {
        waits.set_value(false);
        let now = (log_view.feed.read(Store::totals), connection.state.get_untracked());
        let before = told.get_value();
        let text = announcement((&before.0, &before.1), (&now.0, &now.1));
        told.set_value(now);
        if !text.is_empty() {
            say.set(text);
        }
    };
    Effect::new(move |_| {
        log_view.feed.watch(|_| ());
        connection.state.track();
        if !waits.get_value() {
            waits.set_value(true);
            set_timeout(speak, ANNOUNCEMENT_INTERVAL);
        }
    });
    said
}

fn announcement(before: (&Totals, &ConnectionState), now: (&Totals, &ConnectionState)) -> String {
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
        let said = announcement(
            (&totals(2, 0), &ConnectionState::Connecting),
            (&totals(14, 1), &ConnectionState::Open),
        );
        assert_eq!(said, "connected, 12 new rows, 1 error");
        assert_eq!(
            announcement(
                (&totals(9, 0), &ConnectionState::Open),
                (&totals(1, 0), &ConnectionState::Open)
            ),
            ""
        );
    }

    #[test]
    fn counts_say_what_is_hidden() {
        assert_eq!(counted((0, 0, 0)), "No frames yet");
        assert_eq!(counted((29, 3, 0)), "3 of 29 rows");
        assert_eq!(counted((29, 3, 7)), "3 of 29 rows, paused: 7 waiting");
    }
}
