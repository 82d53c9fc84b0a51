//! A row's cells as one piece of HTML: thousands of rows may arrive, and parsing a row at once
//! costs the browser a fraction of building it element by element.

use super::{
    clock,
    entry::{Content, Direction, Entry},
    filter::find_ignoring_case,
    summary::{Piece, summary},
};
use crate::json::escaped;

/// The content of a row; it does not change any more.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    pub(super) kind: &'static str,
    word: &'static str,
    pub(super) direction: Option<Direction>,
    minutes: String,
    seconds: String,
    topic: Option<String>,
    seq_no: Option<u64>,
    pieces: Vec<Piece>,
    size: String,
    took: String,
    pub(super) duplicate: bool,
    pub(super) bad: bool,
    pub(super) down: bool,
    pub(super) answers: Option<u64>,
}

impl Cells {
    /// The cells of `entry`; `timezone` is minutes from local time to UTC.
    pub(super) fn of(entry: &Entry, timezone: f64) -> Self {
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
            down: matches!(entry.content, Content::Failed { .. } | Content::Waiting { .. }),
            answers: entry.answers,
        }
    }

    /// The cells as HTML, with the first match of `needle` marked.
    pub(super) fn html(&self, needle: &str) -> String {
        let mut html = cell("time", &format!("<b>{}</b>{}", self.minutes, self.seconds));
        html += &cell("wire", wire(self.direction));
        html += &cell("kind", self.word);
        if self.direction.is_some() {
            html += &cell("topic", &self.topic.as_deref().map(escaped).unwrap_or_default());
            html += &cell("seq", &self.seq_no.map(|number| number.to_string()).unwrap_or_default());
        }
        let body: Vec<_> = self.pieces.iter().map(|piece| piece_html(piece, needle)).collect();
        html += &cell("body", &body.join(" "));
        html += &cell("size", &self.size);
        html + &cell("took", &self.took)
    }
}

fn cell(part: &str, html: &str) -> String {
    format!(r#"<span role="gridcell" class="row__{part}">{html}</span>"#)
}

fn wire(direction: Option<Direction>) -> &'static str {
    macro_rules! mark {
        ($class:literal, $icon:literal, $said:literal) => {
            concat!(
                r#"<svg class=""#,
                $class,
                r##"" aria-hidden="true"><use href="#i-"##,
                $icon,
                r#""></use></svg><span class="visually-hidden">"#,
                $said,
                "</span>"
            )
        };
    }
    match direction {
        Some(Direction::Out) => mark!("row__arrow", "out", "sent"),
        Some(Direction::In) => mark!("row__arrow", "in", "received"),
        None => mark!("row__node", "node", "line"),
    }
}

fn piece_html(piece: &Piece, needle: &str) -> String {
    match piece {
        Piece::Plain(text) => found(text, needle),
        Piece::Strong(text) => format!("<b>{}</b>", escaped(text)),
        Piece::Tag(word, None) => format!(r#"<span class="tag">{word}</span>"#),
        Piece::Tag(word, Some(tone)) => {
            format!(r#"<span class="tag" data-tone="{tone}">{word}</span>"#)
        }
    }
}

/// The text, with the first match marked.
fn found(text: &str, needle: &str) -> String {
    let hit = find_ignoring_case(text, needle).map(|at| (at, at + needle.len()));
    match hit.filter(|&(start, end)| text.is_char_boundary(start) && text.is_char_boundary(end)) {
        Some((start, end)) => {
            let (before, hit, after) = (&text[..start], &text[start..end], &text[end..]);
            format!(
                r#"{}<span class="row__hit">{}</span>{}"#,
                escaped(before),
                escaped(hit),
                escaped(after)
            )
        }
        None => escaped(text),
    }
}

/// Makes white space at the ends of a topic visible, because it makes the topic invalid.
fn visible(topic: &str) -> String {
    let start = topic.len() - topic.trim_start().len();
    let end = topic.trim_end().len().max(start);
    let shown = |text: &str| "␣".repeat(text.chars().count());
    let name: String = topic[start..end].chars().take(100).collect();
    format!("{}{name}{}", shown(&topic[..start]), shown(&topic[end..]))
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

    #[test]
    fn nothing_of_a_frame_becomes_markup() {
        let mut store = crate::log::store::Store::default();
        store.received(
            0.0,
            r#"{"type":"error","code":"INVALID_TOPIC","message":"<i>no</i>","topic":"<b>"}"#,
        );
        let html = Cells::of(store.get(0).unwrap(), 0.0).html("NO");
        assert!(
            html.contains(r#"<span role="gridcell" class="row__topic">&lt;b&gt;</span>"#),
            "{html}"
        );
        assert!(
            html.contains(
                r#"<b>INVALID_TOPIC</b> &lt;i&gt;<span class="row__hit">no</span>&lt;/i&gt;"#
            ),
            "{html}"
        );
    }
}
