//! Patterns of topic names. A name's segments stand between dots; in a pattern `*` is any one segment, and `>` at the end one
//! segment or more.

use std::fmt;

/// Which topics something holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// `None`: it is empty, too long for a topic, or has a `>` that does not stand alone at its end.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let before_last = text.rsplit_once('.').map_or("", |(before, _)| before);
        let good = !text.is_empty()
            && text.len() <= protocol::Topic::MAX_BYTES
            && !text.chars().any(char::is_control)
            && !before_last.split('.').any(|segment| segment == ">");
        good.then(|| Self(text.into()))
    }

    /// Whether `topic` is one of those.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        let mut segments = topic.split('.');
        for wanted in self.0.split('.') {
            match (wanted, segments.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (literal, Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_wildcards() {
        let matches = |pattern, topic| Pattern::parse(pattern).unwrap().matches(topic);
        for (pattern, topic) in
            [("a", "a"), ("a.*", "a.b"), ("*.b", "a.b"), ("a.>", "a.b"), ("a.>", "a.b.c"), (">", "a"), ("*", "a b"), ("a.*.c", "a..c")]
        {
            assert!(matches(pattern, topic), "{pattern} {topic}");
        }
        for (pattern, topic) in
            [("a", "b"), ("a", "a.b"), ("a.*", "a"), ("a.*", "a.b.c"), ("a.>", "a"), ("a.>", "ab.c"), ("*", "a.b"), ("a*", "ab")]
        {
            assert!(!matches(pattern, topic), "{pattern} {topic}");
        }
        for bad in ["", "a.>.b", ">.a", "a\n", &"x".repeat(257)] {
            assert_eq!(Pattern::parse(bad), None, "{bad:?}");
        }
    }
}
