//! One row: time, wire, kind, topic, number, the frame in a line, size, round trip.

use super::{
    clock,
    detail::Detail,
    entry::{Content, Direction, Entry},
    filter::find_ignoring_case,
    screen::Screen,
    summary::{Piece, summary},
};
use crate::{browser, shell::Icon};
use leptos::prelude::*;

/// A row that came this long ago is still fresh, in milliseconds …
const FRESH: f64 = 400.0;
/// … unless this many rows came within half a second.
const BURST: u64 = 10;

/// What a row shows; it does not change any more.
#[derive(Debug, Clone, PartialEq)]
struct Cells {
    kind: &'static str,
    word: &'static str,
    direction: Option<Direction>,
    minutes: String,
    seconds: String,
    topic: Option<String>,
    seq_no: Option<u64>,
    pieces: Vec<Piece>,
    size: String,
    took: String,
    duplicate: bool,
    bad: bool,
    down: bool,
    answers: Option<u64>,
}

impl Cells {
    fn of(entry: &Entry, timezone: f64) -> Self {
        let (minutes, seconds) = clock::time_of_day(entry.at, timezone);
        Self {
            kind: entry.kind(),
            word: entry.word(),
            direction: entry.direction,
            minutes,
            seconds,
            topic: entry.facts.topic.as_deref().map(visible),
            seq_no: entry.facts.seq_no,
            pieces: summary(entry),
            size: entry.size().map(clock::size).unwrap_or_default(),
            took: entry.took.map(clock::duration).unwrap_or_default(),
            duplicate: entry.facts.duplicate,
            bad: entry.is_bad(),
            down: matches!(entry.content, Content::Failed { .. }),
            answers: entry.answers,
        }
    }
}

/// White space at the ends of a topic is what is wrong with it: it has to be seen.
fn visible(topic: &str) -> String {
    let start = topic.len() - topic.trim_start().len();
    let end = topic.trim_end().len().max(start);
    let shown = |text: &str| "␣".repeat(text.chars().count());
    let name: String = topic[start..end].chars().take(100).collect();
    format!("{}{name}{}", shown(&topic[..start]), shown(&topic[end..]))
}

/// The row with this id, and the frame unfolded below it.
#[component]
pub(crate) fn Row(
    /// Where it is shown.
    screen: Screen,
    /// Which one.
    id: u64,
    /// Sends a frame again.
    again: Callback<String>,
    /// Takes a frame into the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let timezone = screen.timezone.get_untracked();
    let cells = screen.feed.read(|store| Some(Cells::of(store.get(id)?, timezone)))?;
    let fresh = is_fresh(screen, id);
    let event = cells.direction.is_none();
    let (bad, down, duplicate, answers) = (cells.bad, cells.down, cells.duplicate, cells.answers);
    let open = Memo::new(move |_| screen.open.get() == Some(id));
    let index = move || screen.feed.watch(|store| store.index_of(id)).map(|index| (index + 1).to_string());
    Some(view! {
        <div
            class="row"
            role="row"
            id=format!("row-{id}")
            attr:aria-level="1"
            aria-rowindex=index
            aria-expanded=move || open.get().to_string()
            tabindex=move || if screen.tab_stop.get() == Some(id) { "0" } else { "-1" }
            data-id=id.to_string()
            data-kind=cells.kind
            data-dir=cells.direction.map(Direction::as_str)
            data-event=event.then_some("")
            data-flag=duplicate.then_some("duplicate")
            data-tone=bad.then_some("bad")
            data-wire=down.then_some("down")
            data-fresh=fresh.then_some("")
            data-link=move || screen.link(id, answers)
            on:click=move |_| screen.toggle(id)
        >
            <span role="gridcell" class="row__time"><b>{cells.minutes}</b>{cells.seconds}</span>
            <Wire direction=cells.direction/>
            <span role="gridcell" class="row__kind">{cells.word}</span>
            {(!event).then(|| view! {
                <span role="gridcell" class="row__topic">{cells.topic}</span>
                <span role="gridcell" class="row__seq">{cells.seq_no}</span>
            })}
            <Body screen pieces=cells.pieces/>
            <span role="gridcell" class="row__size">{cells.size}</span>
            <span role="gridcell" class="row__took">{cells.took}</span>
        </div>
        {move || open.get().then(|| view! { <Detail screen id again edit/> })}
    })
}

fn is_fresh(screen: Screen, id: u64) -> bool {
    let since = |at: f64| browser::now() - at;
    screen.feed.read(|store| {
        let burst = store.get(id.saturating_sub(BURST)).filter(|_| id >= BURST).is_some_and(|entry| since(entry.at) < 500.0);
        !burst && store.get(id).is_some_and(|entry| since(entry.at) < FRESH)
    })
}

#[component]
fn Wire(
    /// `None`: the line itself.
    direction: Option<Direction>,
) -> impl IntoView {
    let mark = match direction {
        Some(Direction::Out) => view! { <Icon name="out" class="row__arrow"/><span class="visually-hidden">"sent"</span> }.into_any(),
        Some(Direction::In) => view! { <Icon name="in" class="row__arrow"/><span class="visually-hidden">"received"</span> }.into_any(),
        None => view! { <Icon name="node" class="row__node"/><span class="visually-hidden">"line"</span> }.into_any(),
    };
    view! { <span role="gridcell" class="row__wire">{mark}</span> }
}

#[component]
fn Body(
    /// Where it is shown.
    screen: Screen,
    /// Its parts.
    pieces: Vec<Piece>,
) -> impl IntoView {
    let pieces = pieces.into_iter().map(|piece| match piece {
        Piece::Plain(text) => view! { " " <Found screen text/> }.into_any(),
        Piece::Strong(text) => view! { <b>{text}</b> " " }.into_any(),
        Piece::Tag(word, tone) => view! { <span class="tag" data-tone=tone>{word}</span> }.into_any(),
    });
    view! { <span role="gridcell" class="row__body">{pieces.collect_view()}</span> }
}

/// Text with what was searched for marked, once.
#[component]
fn Found(
    /// Where it is shown.
    screen: Screen,
    /// The text.
    text: String,
) -> impl IntoView {
    let needle = Memo::new(move |_| screen.filter.with(|filter| filter.text.clone()));
    move || {
        let needle = needle.get();
        match find_ignoring_case(&text, &needle) {
            Some(at) if text.is_char_boundary(at) && text.is_char_boundary(at + needle.len()) => {
                let (before, rest) = text.split_at(at);
                let (hit, after) = rest.split_at(needle.len());
                view! { {before.to_owned()}<span class="row__hit">{hit.to_owned()}</span>{after.to_owned()} }.into_any()
            }
            _ => text.clone().into_any(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_topic_can_be_seen() {
        assert_eq!(visible(" a b "), "␣a b␣");
        assert_eq!(visible("  "), "␣␣");
        assert_eq!(visible("ä"), "ä");
    }
}
