//! JSON as HTML with one class per token: `k` key, `s` string, `n` number or word, `p` punctuation.

use super::{Token, TokenKind, tokens};
use std::ops::Range;

/// Longer texts are not coloured, in bytes.
pub(crate) const MAX_HIGHLIGHTED: usize = 64 * 1024;

/// `text` as HTML, escaped; `mark` is a range of bytes to underline.
pub(crate) fn highlight(text: &str, mark: Option<&Range<usize>>) -> String {
    let mut html = String::with_capacity(text.len() * 3);
    for token in tokens(text) {
        let marked = mark.is_some_and(|mark| mark.contains(&token.start));
        put(&mut html, token, marked);
    }
    html
}

/// `text` as HTML without colours.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape(&mut html, text);
    html
}

fn put(html: &mut String, token: Token<'_>, marked: bool) {
    let class = match token.kind {
        TokenKind::Key => "k",
        TokenKind::Text => "s",
        TokenKind::Word => "n",
        TokenKind::Punctuation => "p",
        TokenKind::Space => return html.push_str(token.text),
    };
    html.push_str("<span class=\"");
    html.push_str(class);
    html.push_str(if marked { " editor__mark\">" } else { "\">" });
    escape(html, token.text);
    html.push_str("</span>");
}

fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_text_stays_text() {
        assert_eq!(
            highlight("\"<img onerror=x>&\"", None),
            "<span class=\"s\">\"&lt;img onerror=x&gt;&amp;\"</span>"
        );
        assert_eq!(highlight("<b>", None), "<span class=\"n\">&lt;b&gt;</span>");
    }

    #[test]
    fn the_marked_token_is_underlined() {
        assert_eq!(
            highlight("{ x", Some(&(2..3))),
            "<span class=\"p\">{</span> <span class=\"n editor__mark\">x</span>"
        );
    }
}
