//! Indents JSON without touching any token.

use super::{TokenKind, tokens};

/// Deeper levels are indented like this one, so that deep nesting cannot make the text grow without
/// bound.
const MAX_INDENT: usize = 24;

/// An indented text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pretty {
    pub(crate) text: String,
    /// The number of bytes after the cut, in the original.
    pub(crate) left_out: usize,
}

/// Indents `text`, which should be JSON, by two spaces per level, and stops soon after `limit`
/// bytes.
pub(crate) fn pretty(text: &str, limit: usize) -> Pretty {
    let mut writer = Writer::default();
    let mut tokens = tokens(text).filter(|t| t.kind != TokenKind::Space).peekable();
    while let Some(token) = tokens.next() {
        if writer.out.len() >= limit {
            return Pretty { text: writer.out, left_out: text.len() - token.start };
        }
        let room = limit.saturating_sub(writer.out.len()).max(1);
        match token.text {
            "{" | "[" => {
                let empty = tokens.peek().is_some_and(|next| matches!(next.text, "}" | "]"));
                writer.open(token.text, empty);
            }
            "}" | "]" => writer.close(token.text),
            "," => writer.comma(),
            ":" => writer.out.push_str(": "),
            long if long.len() > room => {
                writer.out.push_str(long.get(..floor(long, room)).unwrap_or_default());
                let written = token.start + floor(long, room);
                return Pretty { text: writer.out, left_out: text.len() - written };
            }
            other => writer.out.push_str(other),
        }
    }
    Pretty { text: writer.out, left_out: 0 }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

#[derive(Default)]
struct Writer {
    out: String,
    depth: usize,
    /// The innermost open bracket has no content yet.
    empty: bool,
}

impl Writer {
    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth.min(MAX_INDENT)));
    }

    fn open(&mut self, bracket: &str, empty: bool) {
        self.out.push_str(bracket);
        self.depth += 1;
        self.empty = empty;
        if !empty {
            self.line();
        }
    }

    fn close(&mut self, bracket: &str) {
        self.depth = self.depth.saturating_sub(1);
        if !std::mem::take(&mut self.empty) {
            self.line();
        }
        self.out.push_str(bracket);
    }

    fn comma(&mut self) {
        self.out.push(',');
        self.line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_as_they_came() {
        let frame = r#"{"b":1.0,"a":[1,{"x":"\u00e4"}],"e":{},"l":[]}"#;
        let expected = "{\n  \"b\": 1.0,\n  \"a\": [\n    1,\n    {\n      \"x\": \"\\u00e4\"\n    }\n  ],\n  \"e\": {},\n  \"l\": []\n}";
        assert_eq!(pretty(frame, 10_000), Pretty { text: expected.into(), left_out: 0 });
        assert_eq!(pretty(expected, 10_000).text, expected);
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let frame = format!("[\"{}\"]", "ä".repeat(1000));
        let Pretty { text, left_out } = pretty(&frame, 101);
        assert!(text.len() <= 101);
        assert_eq!(text.trim_start_matches("[\n  ").len() + 1 + left_out, frame.len());
    }

    #[test]
    fn depth_costs_no_stack_and_little_text() {
        let depth = 100_000;
        let frame = "[".repeat(depth) + &"]".repeat(depth);
        assert!(pretty(&frame, 1 << 24).text.len() < frame.len() * (2 * MAX_INDENT + 2));
    }
}
