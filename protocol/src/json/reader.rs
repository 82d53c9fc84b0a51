//! The grammar of JSON, read from front to back.

use super::{
    NotJson, Value,
    nesting::{Bracket, Nesting},
    text::{self, Text},
};
use std::fmt;

/// What JSON allows at a place with something else. One byte, so that the reader's results fit a
/// register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Any value.
    Value,
    /// The key of an object's member.
    Key,
    /// The colon between key and value.
    Colon,
    /// A comma or the end of the object, after a member.
    CommaOrBrace,
    /// A comma or the end of the array, after an item.
    CommaOrBracket,
    /// The digit that a number needs here.
    Digit,
    /// One of the digits of a `\u` escape.
    HexadecimalDigit,
    /// A character that may follow a backslash.
    Escape,
    /// A character that a string may contain unescaped.
    NoControlCharacter,
    /// The end of a string.
    ClosingQuote,
    /// The end of the text.
    End,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "a value",
            Self::Key => "a key in double quotes",
            Self::Colon => "`:`",
            Self::CommaOrBrace => "`,` or `}`",
            Self::CommaOrBracket => "`,` or `]`",
            Self::Digit => "a digit",
            Self::HexadecimalDigit => "a hexadecimal digit",
            Self::Escape => "an escape that JSON has",
            Self::NoControlCharacter => "no control character in a string",
            Self::ClosingQuote => "the string's closing quote",
            Self::End => "the end",
        })
    }
}

/// A text and the position up to which it has been read. After an error, the position is the place
/// of the unexpected byte.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn not_json(&self, expected: Expected) -> NotJson {
        NotJson { expected, at: self.at + 1 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        if self.peek() != Some(byte) {
            return false;
        }
        self.at += 1;
        true
    }

    pub(super) fn expect(&mut self, byte: u8, expected: Expected) -> Result<(), Expected> {
        if self.eat(byte) { Ok(()) } else { Err(expected) }
    }

    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Checks that only white space follows.
    pub(super) fn end(&mut self) -> Result<(), Expected> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Expected::End) }
    }

    /// Reads the value that begins here.
    pub(super) fn value(&mut self) -> Result<Value<'a>, Expected> {
        let start = self.at;
        let (depth, has_escapes) = match self.peek() {
            Some(b'{' | b'[') => (self.nested()?, false),
            Some(b'"') => (0, self.string(Expected::Value)?),
            _ => (0, self.scalar().map(|()| false)?),
        };
        Ok(Value { text: &self.text[start..self.at], depth, has_escapes })
    }

    /// Reads an object or an array; returns its depth.
    fn nested(&mut self) -> Result<usize, Expected> {
        let mut nesting = Nesting::default();
        loop {
            let is_begun = match self.peek() {
                Some(b'{') => self.enter(Bracket::Object, &mut nesting)?,
                Some(b'[') => self.enter(Bracket::Array, &mut nesting)?,
                _ => {
                    self.scalar()?;
                    false
                }
            };
            if !is_begun && !self.leave(&mut nesting)? {
                return Ok(nesting.deepest());
            }
        }
    }

    /// Opens a bracket; returns whether a value follows before it is closed.
    fn enter(&mut self, bracket: Bracket, nesting: &mut Nesting) -> Result<bool, Expected> {
        self.at += 1;
        nesting.open(bracket);
        self.space();
        if self.peek() == Some(bracket.closing()) {
            return Ok(false);
        }
        if bracket == Bracket::Object {
            self.skip_key()?;
        }
        Ok(true)
    }

    /// After a value: closes the brackets that end here; returns whether the innermost bracket that
    /// is still open has another value.
    fn leave(&mut self, nesting: &mut Nesting) -> Result<bool, Expected> {
        while let Some(bracket) = nesting.innermost() {
            self.space();
            if self.eat(bracket.closing()) {
                nesting.close();
                continue;
            }
            self.expect(b',', bracket.comma_or_end())?;
            self.space();
            if bracket == Bracket::Object {
                self.skip_key()?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads a member's key and the colon after it.
    pub(super) fn key(&mut self) -> Result<Text<'a>, Expected> {
        let start = self.at + 1;
        let has_escapes = self.string(Expected::Key)?;
        let key = Text::new(&self.text[start..self.at - 1], has_escapes);
        self.colon()?;
        Ok(key)
    }

    fn skip_key(&mut self) -> Result<(), Expected> {
        self.string(Expected::Key)?;
        self.colon()
    }

    fn colon(&mut self) -> Result<(), Expected> {
        self.space();
        self.expect(b':', Expected::Colon)?;
        self.space();
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Expected> {
        match self.peek() {
            Some(b'"') => self.string(Expected::Value).map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(Expected::Value),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Expected> {
        if !self.rest().starts_with(word) {
            return Err(Expected::Value);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Expected> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Expected> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Expected::Digit) }
    }

    /// Reads a string; returns whether it contains escapes.
    fn string(&mut self, expected: Expected) -> Result<bool, Expected> {
        self.expect(b'"', expected)?;
        let mut has_escapes = false;
        loop {
            self.at += text::plain(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(Expected::NoControlCharacter),
                None => return Err(Expected::ClosingQuote),
            }
            has_escapes = true;
        }
        self.at += 1;
        Ok(has_escapes)
    }

    fn escape(&mut self) -> Result<(), Expected> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                (0..4).try_for_each(|_| self.hexadecimal_digit())
            }
            _ => Err(Expected::Escape),
        }
    }

    fn hexadecimal_digit(&mut self) -> Result<(), Expected> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
            return Err(Expected::HexadecimalDigit);
        }
        self.at += 1;
        Ok(())
    }
}
