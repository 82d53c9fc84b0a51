//! The first place at which a text is not JSON, in words and as a range to mark.

use super::{TokenKind, tokens};
use serde::de::IgnoredAny;
use std::ops::Range;

/// The first fault in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1, in characters.
    pub(crate) column: usize,
    /// The range to mark, in bytes.
    pub(crate) mark: Range<usize>,
    /// What was expected.
    pub(crate) message: String,
}

impl Fault {
    /// The first fault of `text`; `None` if it is one JSON value.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let error = serde_json::from_str::<IgnoredAny>(text).err()?;
        let message = words(&error);
        let at = offset(text, error.line(), error.column());
        let mark = mark(text, at);
        let at = if error.is_eof() { mark.start } else { at };
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        Some(Self {
            line: text[..at].matches('\n').count() + 1,
            column: text[line..at].chars().count() + 1,
            mark,
            message,
        })
    }

    /// The fault in a sentence, with its place.
    pub(crate) fn sentence(&self) -> String {
        format!("Line {}, column {}: {}.", self.line, self.column, self.message)
    }
}

/// The place in bytes. `serde_json` gives the line and a column in bytes, both counted from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = line
        .checked_sub(2)
        .and_then(|nth| text.match_indices('\n').nth(nth))
        .map_or(0, |(at, _)| at + 1);
    start + floor(&text[start..], column.saturating_sub(1))
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The token at `at`, or the one before it if `at` is white space or the end.
fn mark(text: &str, at: usize) -> Range<usize> {
    let mut found = 0..0;
    for token in tokens(text).take_while(|token| token.start <= at) {
        if token.kind != TokenKind::Space {
            found = token.start..token.start + token.text.len();
        }
    }
    found
}

fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    match what {
        "EOF while parsing a value" => "a value is missing".into(),
        "EOF while parsing an object" => "the object is not closed".into(),
        "EOF while parsing a list" => "the list is not closed".into(),
        "EOF while parsing a string" => "the string is not closed".into(),
        "trailing characters" => "something follows the value".into(),
        "key must be a string" => "expected a key in double quotes".into(),
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "the string holds a line break or another control character".into()
        }
        other => quoted(other),
    }
}

/// Turns `` `,` `` into “,”.
fn quoted(text: &str) -> String {
    let mut open = false;
    let quote = |c| match c {
        '`' => {
            open = !open;
            if open { '“' } else { '”' }
        }
        other => other,
    };
    text.chars().map(quote).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (usize, usize, &str, String) {
        let fault = Fault::find(text).unwrap();
        (fault.line, fault.column, &text[fault.mark.clone()], fault.message)
    }

    #[test]
    fn names_line_column_and_marks_the_token() {
        let text = "{\n  \"side\": \"buy\"\n  \"qty\": 5000\n}";
        assert_eq!(found(text), (3, 3, "\"qty\"", "expected “,” or “}”".into()));
        assert_eq!(Fault::find(text).unwrap().sentence(), "Line 3, column 3: expected “,” or “}”.");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(found("{\"ä\":\"ö\" x}"), (1, 10, "x", "expected “,” or “}”".into()));
    }

    #[test]
    fn the_end_marks_what_stands_before_it() {
        assert_eq!(found("{\"a\": 1\n\n"), (1, 7, "1", "the object is not closed".into()));
        assert_eq!(found("{\"a\":"), (1, 5, ":", "a value is missing".into()));
        assert_eq!(found(""), (1, 1, "", "a value is missing".into()));
    }

    #[test]
    fn strange_texts_have_a_fault_and_no_panic() {
        for text in [
            "\u{feff}{}",
            "\"a\nb\"",
            "{'a':1}",
            "[1,]",
            "nul",
            "\\",
            "\u{2028}",
            "[\"\\x\"]",
            "{\"a\":1}}",
        ] {
            assert!(Fault::find(text).is_some(), "{text:?}");
        }
        assert_eq!(Fault::find("[".repeat(200_000).as_str()).map(|f| f.line), Some(1));
        assert_eq!(Fault::find("{\"a\":[1,2.50,null]}"), None);
    }
}
