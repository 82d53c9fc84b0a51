//! UTF-8 that arrives in pieces: an invalid text is refused with the piece that makes it invalid,
//! and no byte of a complete character is examined twice.

use super::Violation;

/// How many bytes of an incomplete text are complete characters.
#[derive(Debug, Default)]
pub(super) struct Checked(usize);

impl Checked {
    /// Checks the bytes that were added since the last call. `text` is the whole text so far; it
    /// may end inside of a character.
    pub(super) fn go_on(&mut self, text: &[u8]) -> Result<(), Violation> {
        match std::str::from_utf8(&text[self.0..]) {
            Ok(new) => self.0 += new.len(),
            Err(error) if error.error_len().is_none() => self.0 += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }
}
