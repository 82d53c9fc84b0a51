//! A JSON value on one line that a terminal can show.

use std::fmt::Write;

/// The same value without line feeds, and without characters that a terminal would obey. JSON has
/// raw line feeds and tabs only between its tokens, and C1 control characters only within strings,
/// where an escape means the same.
pub(crate) fn one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' | '\r' | '\t' => line.push(' '),
            '\u{7f}'..='\u{9f}' => {
                // Writing to a string does not fail.
                let _ = write!(line, "\\u{:04x}", u32::from(character));
            }
            _ => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn the_value_stays_the_same() {
        assert_eq!(one_line("{\n\t\"a\":\"\u{9b}31m\\n\"}"), "{  \"a\":\"\\u009b31m\\n\"}");
    }
}
