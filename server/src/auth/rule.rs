//! Patterns of topics that stand for what a user may do. A topic's segments stand between dots; in a pattern `*` is any one
//! segment, `>` at the end one segment or more, and `{userId}` the user's id, whatever characters it has.

use protocol::{Topic, UserId};

const USER: &str = "{userId}";

/// A pattern as it is written, before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Box<str>);

impl Rule {
    /// `None`: it is empty, longer than a topic may be, has a control character, or a `>` that is not its last segment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let before_last = text.rsplit_once('.').map_or("", |(before, _)| before);
        let good = !text.is_empty()
            && text.len() <= Topic::MAX_BYTES
            && !text.chars().any(char::is_control)
            && !before_last.split('.').any(|segment| segment == ">");
        good.then(|| Self(text.into()))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means for `user`. Wildcards are told apart before the user's id is put in: an id with dots, `*` or `>` is
    /// compared character by character.
    #[must_use]
    pub(super) fn of(&self, user: &UserId<'_>) -> UserRule {
        let mut segments = Vec::new();
        for segment in self.0.split('.') {
            match segment {
                "*" => segments.push(Segment::Any),
                ">" => segments.push(Segment::Rest),
                text => segments.extend(text.replace(USER, user.as_str()).split('.').map(|text| Segment::Text(text.into()))),
            }
        }
        UserRule(segments.into())
    }
}

/// A [`Rule`] of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserRule(Box<[Segment]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(Box<str>),
    Any,
    Rest,
}

impl UserRule {
    /// Whether it holds for `topic`.
    pub(super) fn covers(&self, topic: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(rule: &str, user: &str, topic: &str) -> bool {
        Rule::parse(rule).unwrap().of(&UserId::new(user).unwrap()).covers(topic)
    }

    #[test]
    fn segments_and_wildcards() {
        for (rule, topic) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            ("a.*.c", "a..c"),
            ("a.>", "a.b"),
            ("a.>", "a.b.c"),
            (">", "a"),
            (">", "a.b.c"),
            ("*.>", "a.b"),
            ("a/*", "a/*"),
        ] {
            assert!(covers(rule, "u", topic), "{rule} {topic}");
        }
        for (rule, topic) in [
            ("a", "b"),
            ("a", "a.b"),
            ("a", "A"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("a.>", "ab.c"),
            ("*", "a.b"),
            ("*.>", "a"),
            ("a*", "ab"),
            ("a.b>", "a.bc"),
            ("a/*", "a/b"),
        ] {
            assert!(!covers(rule, "u", topic), "{rule} {topic}");
        }
    }

    #[test]
    fn the_user_stands_for_itself() {
        assert!(covers("inbox.{userId}", "ann", "inbox.ann"));
        assert!(covers("inbox.{userId}.>", "ann", "inbox.ann.new"));
        assert!(covers("user-{userId}.*", "ann", "user-ann.x"));
        assert!(covers("{userId}.{userId}", "a.b", "a.b.a.b"));
        assert!(!covers("inbox.{userId}", "ann", "inbox.bob"));
        assert!(!covers("inbox.{userId}", "ann", "inbox.{userId}"));
        assert!(!covers("inbox.{userid}", "ann", "inbox.ann"));
    }

    #[test]
    fn an_id_with_wildcards_or_dots_is_only_itself() {
        assert!(!covers("inbox.{userId}", "*", "inbox.ann"));
        assert!(!covers("inbox.{userId}", ">", "inbox.ann"));
        assert!(!covers("inbox.{userId}", "ann.>", "inbox.ann.secret"));
        assert!(!covers("inbox.{userId}", "{userId}", "inbox.ann"));
        assert!(covers("inbox.{userId}", "*", "inbox.*"));
        assert!(covers("inbox.{userId}", "ann@example.com", "inbox.ann@example.com"));
        assert!(!covers("inbox.{userId}", "ann@example.com", "inbox.ann@example"));
        assert!(!covers("{userId}", ".", "a.b"));
    }

    #[test]
    fn what_is_no_pattern() {
        for bad in ["", ">.a", "a.>.b", "a\n", "a\u{85}", &"x".repeat(257)] {
            assert_eq!(Rule::parse(bad), None, "{bad:?}");
        }
    }

    /// The same by another way: each segment decided on its own, wildcards by position.
    fn by_hand(rule: &[&str], topic: &[&str]) -> bool {
        match (rule, topic) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", rule @ ..], [_, topic @ ..]) => by_hand(rule, topic),
            ([text, rule @ ..], [segment, topic @ ..]) => text == segment && by_hand(rule, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(rule in "([ab*]|a\\*)?(\\.[ab*]?){0,3}(\\.>)?", topic in "[ab*>]?(\\.[ab*>]?){0,4}") {
            prop_assume!(!rule.is_empty());
            let expected = by_hand(&rule.split('.').collect::<Vec<_>>(), &topic.split('.').collect::<Vec<_>>());
            prop_assert_eq!(covers(&rule, "u", &topic), expected);
        }

        /// Whatever the id: it opens the topic with exactly this id in it and no other.
        #[test]
        fn an_id_opens_nothing_but_its_own(user in "[ab.*>{}]{1,6}", other in "[ab.*>{}]{1,6}") {
            let topic = format!("inbox.{other}.x");
            prop_assert_eq!(covers("inbox.{userId}.x", &user, &topic), user == other);
            let own = covers("inbox.{userId}.*", &user, &format!("inbox.{user}.y"));
            prop_assert!(own);
        }

        #[test]
        fn no_rule_and_no_topic_makes_it_panic(rule in "\\PC{0,40}", user in "\\PC{1,10}", topic in "\\PC{0,40}") {
            if let Some(rule) = Rule::parse(&rule) {
                rule.of(&UserId::new(user).unwrap()).covers(&topic);
            }
        }
    }
}
