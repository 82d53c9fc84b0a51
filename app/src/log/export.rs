//! The log as JSON lines, for other programs.

use super::{
    clock,
    entry::{Content, Entry},
};
use serde::Serialize;

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'a str>,
    kind: &'a str,
    /// The frame as a JSON string, so that its text is unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// One line for each entry.
pub(crate) fn json_lines<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut out = String::new();
    for entry in entries {
        // Strings and numbers can always be encoded.
        out += &serde_json::to_string(&line(entry)).unwrap_or_default();
        out.push('\n');
    }
    out
}

fn line(entry: &Entry) -> Line<'_> {
    let line = Line {
        time: clock::iso(entry.at),
        direction: entry.direction.map(|direction| direction.as_str()),
        kind: entry.kind(),
        frame: entry.text(),
        bytes: entry.size(),
        round_trip_ms: entry.took.map(|took| (took * 1000.0).round() / 1000.0),
        ..Line::default()
    };
    match &entry.content {
        Content::Text(_) | Content::Binary { .. } => line,
        Content::Opened { url } => Line { url: Some(url), ..line },
        Content::Waiting { what } => Line { reason: Some(what), ..line },
        Content::Closed { code, reason, .. } => {
            Line { code: Some(*code), reason: Some(reason), ..line }
        }
        Content::Failed { url, why } => Line { url: Some(url), reason: Some(why), ..line },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::store::Store;

    #[test]
    fn frames_are_kept_byte_for_byte() {
        let mut store = Store::default();
        store.sent(0.0, r#"{"type":"ping" }"#);
        store.received(1.5, r#"{"type":"pong"}"#);
        store.event(2.0, Content::Closed { code: 4401, reason: "who?".into(), asked: false }, None);
        assert_eq!(
            json_lines(store.iter_shown()),
            concat!(
                r#"{"time":"1970-01-01T00:00:00.000Z","direction":"out","kind":"ping","frame":"{\"type\":\"ping\" }","bytes":16}"#,
                "\n",
                r#"{"time":"1970-01-01T00:00:00.001Z","direction":"in","kind":"pong","frame":"{\"type\":\"pong\"}","bytes":15,"roundTripMs":1.5}"#,
                "\n",
                r#"{"time":"1970-01-01T00:00:00.002Z","kind":"close","code":4401,"reason":"who?"}"#,
                "\n"
            )
        );
    }
}
