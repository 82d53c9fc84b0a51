//! What may stand in a line. Values may hold what a client has sent: none ends the line, does
//! anything to a terminal, or is longer than it is worth.

use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    fmt::{self, Debug, Write},
};
use tracing::field::Field;
use tracing_subscriber::fmt::format::Writer;

/// Bytes of one value.
const LONGEST_VALUE: usize = 4 * 1024;

/// Bytes of a line in JSON that nothing was cut from.
const LONGEST: usize = 8 * 1024;

/// Writes a field for people.
pub(super) fn field(out: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    match field.name() {
        "message" => out.write_str(&self::value(value)),
        name => write!(out, "{name}={}", self::value(value)),
    }
}

/// A value as it is shown to people.
pub(super) fn value(value: &dyn Debug) -> String {
    let mut text = Text(String::new());
    if write!(text, "{value:?}").is_err() {
        text.0.push('…');
    }
    text.0
}

/// Refuses what goes beyond [`LONGEST_VALUE`].
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.0.len() >= LONGEST_VALUE {
                return Err(fmt::Error);
            }
            if is_shown(char) {
                self.0.push(char);
            } else {
                self.0.extend(char.escape_default());
            }
        }
        Ok(())
    }
}

/// Whether it is written as it is: characters that end a line, control a terminal or change the
/// direction of writing are not.
fn is_shown(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line in JSON as it is written.
pub(super) fn json(line: &str) -> Cow<'_, str> {
    if line.len() > LONGEST { escaped(&shortened(line)).into_owned().into() } else { escaped(line) }
}

/// JSON itself escapes only what is below a space.
fn escaped(line: &str) -> Cow<'_, str> {
    let content = line.trim_end_matches('\n');
    if content.chars().all(is_shown) {
        return line.into();
    }
    let mut escaped = String::with_capacity(line.len());
    for char in content.chars() {
        if is_shown(char) {
            escaped.push(char);
        } else {
            // Infallible. All of them are below U+10000.
            let _ = write!(escaped, "\\u{:04x}", u32::from(char));
        }
    }
    escaped.push('\n');
    escaped.into()
}

/// With each value cut to its limit.
fn shortened(line: &str) -> String {
    // A line is always an object; if it were none, nothing of it could be kept.
    let mut fields: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    for value in fields.values_mut() {
        if let Value::String(text) = value
            && text.len() > LONGEST_VALUE
        {
            text.truncate(text.floor_char_boundary(LONGEST_VALUE));
            text.push('…');
        }
    }
    format!("{}\n", Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_no_line_and_does_nothing_to_a_terminal() {
        let sent = "a\nb\r\u{1b}[31m\u{7f}\u{85}\u{9b}\u{2028}\u{202e}é\t\0";
        assert_eq!(
            value(&format_args!("{sent}")),
            r"a\nb\r\u{1b}[31m\u{7f}\u{85}\u{9b}\u{2028}\u{202e}é\t\u{0}"
        );
        let line = json(&format!("{}\n", serde_json::json!({ "message": sent }))).into_owned();
        assert_eq!(
            line.trim_end_matches('\n').chars().find(|char| !is_shown(*char)),
            None,
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["message"], sent);
        assert!(matches!(json("{\"message\":\"é\"}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_value_is_cut() {
        let long = "é".repeat(1_000_000);
        let text = value(&format_args!("{long}"));
        assert!(text.len() <= LONGEST_VALUE + 4 && text.ends_with("é…"), "{}", text.len());
        let line = json(&format!("{}\n", serde_json::json!({ "message": "short", "error": long })))
            .into_owned();
        assert!(line.len() < LONGEST && line.ends_with("\n"), "{}", line.len());
        let fields: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(fields["message"], "short");
        assert!(fields["error"].as_str().unwrap().ends_with("é…"));
    }
}
