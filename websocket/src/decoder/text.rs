//! UTF-8 that arrives in pieces: what is wrong shows with the piece that makes it so, and until it
//! is whole, no byte of a whole character is looked at twice.

use super::Violation;

/// How many bytes of a text that is still coming in are whole characters.
#[derive(Debug, Default)]
pub(super) struct Checked(usize);

impl Checked {
    /// Checks what has come since the last call. `text` is all of it so far; it may end inside of a
    /// character.
    pub(super) fn go_on(&mut self, text: &[u8]) -> Result<(), Violation> {
        match std::str::from_utf8(&text[self.0..]) {
            Ok(new) => self.0 += new.len(),
            Err(error) if error.error_len().is_none() => self.0 += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }
}
