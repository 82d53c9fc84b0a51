//! Takes JSON (RFC 8259) apart without building anything from it: where each value begins and ends, and how deeply it is nested.
//!
//! One pass without recursion: the length of the text bounds time and memory, whatever it holds. What is taken apart is not
//! decoded; [`Text`] decodes a string if it has to be read.

mod nesting;
mod text;

use nesting::{Bracket, Nesting};
pub(crate) use text::Text;

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct NotJson {
    /// What would have been JSON.
    pub expected: &'static str,
    /// Where something else stands, from 1; behind the last byte if the text ends there.
    pub at: usize,
}

/// A JSON value as the bytes that it came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Without white space around it.
    pub text: &'a str,
    /// Levels of nesting: 0 for a scalar, 1 for `[1]`, 2 for `[{}]`.
    pub depth: usize,
}

impl<'a> Value<'a> {
    /// The one value that `text` is.
    ///
    /// # Errors
    /// [`NotJson`]: it is no value, or more than one.
    pub fn of(text: &'a str) -> Result<Self, NotJson> {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    /// Its kind, for people. Says nothing of what it holds.
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

    /// The string that it is.
    pub(crate) fn as_text(self) -> Option<Text<'a>> {
        Some(Text::new(self.text.strip_prefix('"')?.strip_suffix('"')?))
    }
}

/// The members of an object that is a whole text.
pub(crate) struct Members<'a>(Elements<'a>);

impl<'a> Members<'a> {
    /// `None` if `text` begins as something else.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        Elements::of(text, Bracket::Object).map(Self)
    }

    /// The next one; `None` behind the last one, where the text ends.
    pub(crate) fn advance(&mut self) -> Result<Option<(Text<'a>, Value<'a>)>, NotJson> {
        if !self.0.advance()? {
            return Ok(None);
        }
        Ok(Some((self.0.reader.key()?, self.0.reader.value()?)))
    }
}

/// The items of an array that is a whole text.
#[derive(Debug)]
pub struct Items<'a>(Elements<'a>);

impl<'a> Items<'a> {
    /// `None` if `text` begins as something else.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        Elements::of(text, Bracket::Array).map(Self)
    }

    /// The next one; `None` behind the last one, where the text ends.
    ///
    /// # Errors
    /// [`NotJson`]: the text is no array from here on.
    pub fn advance(&mut self) -> Result<Option<Value<'a>>, NotJson> {
        if !self.0.advance()? {
            return Ok(None);
        }
        self.0.reader.value().map(Some)
    }
}

/// What [`Members`] and [`Items`] have in common.
#[derive(Debug)]
struct Elements<'a> {
    reader: Reader<'a>,
    bracket: Bracket,
    is_first: bool,
}

impl<'a> Elements<'a> {
    fn of(text: &'a str, bracket: Bracket) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        reader.eat(bracket.opening()).then_some(Self { reader, bracket, is_first: true })
    }

    /// Goes to where the next element begins; false behind the last one.
    fn advance(&mut self) -> Result<bool, NotJson> {
        self.reader.space();
        if self.reader.eat(self.bracket.closing()) {
            self.reader.end()?;
            return Ok(false);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.expect(b',', self.bracket.comma_or_end())?;
            self.reader.space();
        }
        Ok(true)
    }
}

/// A text and how far it has been read.
#[derive(Debug)]
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), NotJson> {
        if self.eat(byte) { Ok(()) } else { Err(self.not_json(expected)) }
    }

    fn not_json(&self, expected: &'static str) -> NotJson {
        NotJson { expected, at: self.at + 1 }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Nothing follows but white space.
    fn end(&mut self) -> Result<(), NotJson> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.not_json("the end")) }
    }

    /// The value that begins here.
    fn value(&mut self) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        let mut nesting = Nesting::default();
        loop {
            let is_empty = match self.peek() {
                Some(b'{') => !self.enter(Bracket::Object, &mut nesting)?,
                Some(b'[') => !self.enter(Bracket::Array, &mut nesting)?,
                _ => {
                    self.scalar()?;
                    true
                }
            };
            if is_empty && !self.leave(&mut nesting)? {
                return Ok(Value { text: &self.text[start..self.at], depth: nesting.deepest() });
            }
        }
    }

    /// Opens a bracket; whether a value follows before it is closed.
    fn enter(&mut self, bracket: Bracket, nesting: &mut Nesting) -> Result<bool, NotJson> {
        self.at += 1;
        nesting.open(bracket);
        self.space();
        if self.peek() == Some(bracket.closing()) {
            return Ok(false);
        }
        if bracket == Bracket::Object {
            self.key()?;
        }
        Ok(true)
    }

    /// Behind a value: closes the brackets that end here; whether another value follows in the one that does not.
    fn leave(&mut self, nesting: &mut Nesting) -> Result<bool, NotJson> {
        while let Some(bracket) = nesting.innermost() {
            self.space();
            if self.eat(bracket.closing()) {
                nesting.close();
                continue;
            }
            self.expect(b',', bracket.comma_or_end())?;
            self.space();
            if bracket == Bracket::Object {
                self.key()?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// A key and the colon behind it.
    fn key(&mut self) -> Result<Text<'a>, NotJson> {
        let key = self.string("a key in double quotes")?;
        self.space();
        self.expect(b':', "`:`")?;
        self.space();
        Ok(key)
    }

    fn scalar(&mut self) -> Result<(), NotJson> {
        match self.peek() {
            Some(b'"') => self.string("a value").map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.not_json("a value")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), NotJson> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.not_json("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.not_json("a digit")) }
    }

    fn string(&mut self, expected: &'static str) -> Result<Text<'a>, NotJson> {
        self.expect(b'"', expected)?;
        let start = self.at;
        loop {
            self.at += text::plain(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.not_json("no control character in a string")),
                None => return Err(self.not_json("the string's closing quote")),
            }
        }
        let text = Text::new(&self.text[start..self.at]);
        self.at += 1;
        Ok(text)
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.not_json("a hexadecimal digit"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.not_json("an escape that JSON has")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
