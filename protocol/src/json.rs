//! Splits JSON (RFC 8259) into its values without building anything from them: finds where each
//! value begins and ends, and how deeply it is nested.
//!
//! One pass without recursion: the length of the text bounds time and memory, whatever it contains.
//! Values are not decoded; `Text` decodes a string when it is read.

mod nesting;
mod reader;
mod text;

use nesting::Bracket;
pub use reader::Expected;
use reader::Reader;
pub(crate) use text::Text;

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct NotJson {
    /// What JSON allows at this place.
    pub expected: Expected,
    /// The place of the unexpected byte, counted from 1; one past the last byte if the text ends
    /// there.
    pub at: usize,
}

/// A JSON value, as the bytes that were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// The value without white space around it.
    pub text: &'a str,
    /// Levels of nesting: 0 for a scalar, 1 for `[1]`, 2 for `[{}]`.
    pub depth: usize,
    has_escapes: bool,
}

impl<'a> Value<'a> {
    /// Reads `text` as exactly one value.
    ///
    /// # Errors
    /// [`NotJson`]: `text` is no value, or more than one.
    pub fn of(text: &'a str) -> Result<Self, NotJson> {
        let mut reader = Reader::new(text);
        reader.space();
        reader
            .value()
            .and_then(|value| reader.end().map(|()| value))
            .map_err(|expected| reader.not_json(expected))
    }

    /// The value's kind, for error texts. Reveals nothing of its content.
    pub(crate) fn kind(self) -> &'static str {
        match self.text.as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a text",
            Some(b't') => "true",
            Some(b'f') => "false",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// The value as a string, if it is one.
    pub(crate) fn as_text(self) -> Option<Text<'a>> {
        Some(Text::new(self.text.strip_prefix('"')?.strip_suffix('"')?, self.has_escapes))
    }
}

/// The members of an object that spans a whole text.
pub(crate) struct Members<'a>(Elements<'a>);

impl<'a> Members<'a> {
    /// `None` if `text` is not an object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        Elements::of(text, Bracket::Object).map(Self)
    }

    /// The next member; `None` after the last one, at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<Option<(Text<'a>, Value<'a>)>, NotJson> {
        self.0.advance(|reader| Ok((reader.key()?, reader.value()?)))
    }
}

/// The items of an array that spans a whole text.
#[derive(Debug)]
pub struct Items<'a>(Elements<'a>);

impl<'a> Items<'a> {
    /// `None` if `text` is not an array.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        Elements::of(text, Bracket::Array).map(Self)
    }

    /// The next item; `None` after the last one, at the end of the text.
    ///
    /// # Errors
    /// [`NotJson`]: from here on, the text is not an array.
    pub fn advance(&mut self) -> Result<Option<Value<'a>>, NotJson> {
        self.0.advance(Reader::value)
    }
}

/// The reading that [`Members`] and [`Items`] share.
#[derive(Debug)]
struct Elements<'a> {
    reader: Reader<'a>,
    bracket: Bracket,
    is_first: bool,
}

impl<'a> Elements<'a> {
    fn of(text: &'a str, bracket: Bracket) -> Option<Self> {
        let mut reader = Reader::new(text);
        reader.space();
        reader.eat(bracket.opening()).then_some(Self { reader, bracket, is_first: true })
    }

    #[inline]
    fn advance<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Expected>,
    ) -> Result<Option<T>, NotJson> {
        let element = match self.go_on() {
            Ok(true) => read(&mut self.reader).map(Some),
            Ok(false) => Ok(None),
            Err(expected) => Err(expected),
        };
        element.map_err(|expected| self.reader.not_json(expected))
    }

    /// Moves to the beginning of the next element; false after the last one.
    fn go_on(&mut self) -> Result<bool, Expected> {
        self.reader.space();
        if self.reader.eat(self.bracket.closing()) {
            return self.reader.end().map(|()| false);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.expect(b',', self.bracket.comma_or_end())?;
            self.reader.space();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
