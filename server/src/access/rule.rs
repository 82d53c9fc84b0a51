//! Patterns of topics that describe a user's rights: as [`Pattern`], and `{userId}` is replaced by
//! the user's id, whatever characters it has.

use super::Pattern;
use protocol::UserId;
use std::fmt;

const USER: &str = "{userId}";

/// A pattern as it is written, before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Pattern);

impl Rule {
    /// `None`: it is no [`Pattern`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Pattern::parse(text).map(Self)
    }

    /// What it means for `user`.
    #[must_use]
    pub(super) fn of(&self, user: &UserId<'_>) -> Pattern {
        self.0.with(USER, user.as_str())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(rule: &str, user: &str, topic: &str) -> bool {
        Rule::parse(rule).unwrap().of(&UserId::new(user).unwrap()).matches(topic)
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
                let _either = rule.of(&UserId::new(user).unwrap()).matches(&topic);
            }
        }
    }
}
