//! Patterns of topic names. A name's segments stand between dots; in a pattern `*` is any one
//! segment, and `>` at the end one segment or more.

use std::fmt;

/// Which topics something holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<[Segment]>);

/// A segment of a pattern, between two dots.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(Box<str>),
    Any,
    Rest,
}

impl Pattern {
    /// `None`: it is empty, longer than a topic may be, has a control character, or a `>` that is
    /// not its last segment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let before_last = text.rsplit_once('.').map_or("", |(before, _)| before);
        let good = !text.is_empty()
            && text.len() <= protocol::Topic::MAX_BYTES
            && !text.chars().any(char::is_control)
            && !before_last.split('.').any(|segment| segment == ">");
        let segment = |text: &str| match text {
            "*" => Segment::Any,
            ">" => Segment::Rest,
            text => Segment::Text(text.into()),
        };
        good.then(|| Self(text.split('.').map(segment).collect()))
    }

    /// The same with `value` in the place of `name`. `value` is text whatever it has: its dots
    /// divide segments, but its `*` and `>` are no wildcards.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut segments = Vec::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => segments.extend(
                    text.replace(name, value).split('.').map(|text| Segment::Text(text.into())),
                ),
                wildcard => segments.push(wildcard.clone()),
            }
        }
        Self(segments.into())
    }

    /// Whether `topic` is one of those.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        let mut found = topic.split('.');
        for wanted in &self.0 {
            match (wanted, found.next()) {
                (Segment::Rest, Some(_)) => return true,
                (Segment::Any, Some(_)) => {}
                (Segment::Text(text), Some(segment)) if **text == *segment => {}
                _ => return false,
            }
        }
        found.next().is_none()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "." })?;
            f.write_str(match segment {
                Segment::Text(text) => text,
                Segment::Any => "*",
                Segment::Rest => ">",
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_wildcards() {
        let matches = |pattern, topic| Pattern::parse(pattern).unwrap().matches(topic);
        for (pattern, topic) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            ("a.>", "a.b"),
            ("a.>", "a.b.c"),
            (">", "a"),
            ("*", "a b"),
            ("a.*.c", "a..c"),
        ] {
            assert!(matches(pattern, topic), "{pattern} {topic}");
        }
        for (pattern, topic) in [
            ("a", "b"),
            ("a", "a.b"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("a.>", "ab.c"),
            ("*", "a.b"),
            ("a*", "ab"),
        ] {
            assert!(!matches(pattern, topic), "{pattern} {topic}");
        }
        for bad in ["", "a.>.b", ">.a", "a\n", &"x".repeat(257)] {
            assert_eq!(Pattern::parse(bad), None, "{bad:?}");
        }
    }
}
