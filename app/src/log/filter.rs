//! The filter: which rows the user wants to see.

use super::entry::{Content, Direction, Entry};

/// All conditions must hold; the default shows everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    /// A text that the frame contains, ignoring the case of ASCII letters; empty: any.
    pub(crate) text: String,
    /// The frame's direction. Events have none, and are shown with any.
    pub(crate) direction: Option<Direction>,
    /// The frame's `type`, `open` or `close`.
    pub(crate) kind: Option<String>,
}

impl Filter {
    /// Whether `entry` is shown.
    pub(crate) fn shows(&self, entry: &Entry) -> bool {
        let direction = self.direction.is_none()
            || entry.direction.is_none()
            || entry.direction == self.direction;
        let kind = self.kind.as_deref().is_none_or(|kind| kind == entry.kind());
        direction && kind && self.finds(entry)
    }

    fn finds(&self, entry: &Entry) -> bool {
        let within = |text: &str| find_ignoring_case(text, &self.text).is_some();
        self.text.is_empty()
            || within(entry.word())
            || match &entry.content {
                Content::Text(text) => within(text),
                Content::Opened { url } => within(url),
                Content::Waiting { what } => within(what),
                Content::Closed { reason, code, .. } => within(reason) || within(&code.to_string()),
                Content::Failed { url, why } => within(url) || within(why),
                Content::Binary { .. } => false,
            }
    }
}

/// The place of the first `needle` in `text`, ignoring the case of ASCII letters.
pub(crate) fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let first = needle.first()?;
    let starts = |(at, byte): (usize, &u8)| {
        let same = byte.eq_ignore_ascii_case(first);
        let fits = same
            && text
                .get(at..at + needle.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(needle));
        fits.then_some(at)
    };
    text.iter().enumerate().find_map(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_ascii_in_any_case_and_the_rest_as_it_stands() {
        assert_eq!(find_ignoring_case("{\"Bid\":1}", "bId"), Some(2));
        assert_eq!(find_ignoring_case("Grüße", "ÜSSE"), None);
        assert_eq!(find_ignoring_case("Grüße", "üß"), Some(2));
        assert_eq!(find_ignoring_case("aaab", "aab"), Some(1));
        assert_eq!(find_ignoring_case("ab", "abc"), None);
    }
}
