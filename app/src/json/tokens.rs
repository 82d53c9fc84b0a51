//! Splits a text into JSON tokens. Tolerant: every byte of any text belongs to a token.

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A string before a colon.
    Key,
    /// Any other string, closed or not.
    Text,
    /// A number, `true`, `false`, `null`, or an unknown word.
    Word,
    /// One of `{ } [ ] : ,`.
    Punctuation,
    /// White space.
    Space,
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    /// The index of its first byte.
    pub(crate) start: usize,
}

/// All tokens of `text`; joined, they are `text`.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let (kind, length) = first(rest);
        let token = Token { kind, text: &rest[..length], start };
        start += length;
        Some(token)
    })
}

fn first(rest: &str) -> (TokenKind, usize) {
    match rest.as_bytes()[0] {
        b'{' | b'}' | b'[' | b']' | b':' | b',' => (TokenKind::Punctuation, 1),
        b'"' => {
            let length = string(rest);
            let colon = rest[length..].trim_start_matches(space).starts_with(':');
            (if colon { TokenKind::Key } else { TokenKind::Text }, length)
        }
        byte if space(byte as char) => (TokenKind::Space, run(rest, space)),
        _ => (TokenKind::Word, run(rest, |c| !space(c) && !"{}[]:,\"".contains(c))),
    }
}

fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of the string at the start; a string that is not closed ends with its line.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return at,
            b'"' if !escaped => return at + 1,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).filter(|t| t.kind != TokenKind::Space).map(|t| (t.kind, t.text)).collect()
    }

    #[test]
    fn keys_are_strings_in_front_of_a_colon() {
        use TokenKind::*;
        assert_eq!(
            kinds(r#"{"a" : "b:\"", "c":-1.5e3}"#),
            [
                (Punctuation, "{"),
                (Key, r#""a""#),
                (Punctuation, ":"),
                (Text, r#""b:\"""#),
                (Punctuation, ","),
                (Key, r#""c""#),
                (Punctuation, ":"),
                (Word, "-1.5e3"),
                (Punctuation, "}"),
            ]
        );
    }

    #[test]
    fn no_byte_is_lost_whatever_the_text() {
        for text in ["", "{", "\"open\nnext", "äö ü\"\\", "'single' \u{feff}", "[1,,2]\r\n\t"] {
            let together: String = tokens(text).map(|t| t.text).collect();
            assert_eq!(together, text);
        }
    }
}
