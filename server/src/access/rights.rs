//! What a user may do with which topics.

use super::{Pattern, Rule};
use protocol::{Topic, UserId};
use std::sync::Arc;

/// The topics that a user may subscribe and publish to. Cheap to clone; asking allocates nothing.
#[derive(Debug, Clone)]
pub struct Rights(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    subscribe: Box<[Pattern]>,
    publish: Box<[Pattern]>,
}

impl Rights {
    /// Everything: demo mode.
    #[must_use]
    pub fn all() -> Self {
        Self(None)
    }

    /// What these rules say for `user`, and nothing else.
    #[must_use]
    pub fn by(user: &UserId<'_>, subscribe: &[Rule], publish: &[Rule]) -> Self {
        let of_user = |rules: &[Rule]| rules.iter().map(|rule| rule.of(user)).collect();
        Self(Some(Arc::new(Rules { subscribe: of_user(subscribe), publish: of_user(publish) })))
    }

    /// Whether a subscription to `topic` is allowed.
    #[must_use]
    pub fn may_subscribe(&self, topic: &Topic<'_>) -> bool {
        self.0.as_ref().is_none_or(|rules| covered(&rules.subscribe, topic))
    }

    /// Whether a publish to `topic` is allowed.
    #[must_use]
    pub fn may_publish(&self, topic: &Topic<'_>) -> bool {
        self.0.as_ref().is_none_or(|rules| covered(&rules.publish, topic))
    }
}

fn covered(rules: &[Pattern], topic: &Topic<'_>) -> bool {
    rules.iter().any(|rule| rule.matches(topic.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(subscribe: &[&str], publish: &[&str]) -> Rights {
        let rules = |texts: &[&str]| {
            texts.iter().map(|text| Rule::parse(text).unwrap()).collect::<Vec<_>>()
        };
        Rights::by(&UserId::new("ann").unwrap(), &rules(subscribe), &rules(publish))
    }

    fn both(rights: &Rights, topic: &str) -> (bool, bool) {
        let topic = Topic::new(topic).unwrap();
        (rights.may_subscribe(&topic), rights.may_publish(&topic))
    }

    #[test]
    fn no_rule_no_access() {
        assert_eq!(both(&rights(&[], &[]), "prices"), (false, false));
        assert_eq!(both(&Rights::all(), "prices"), (true, true));
    }

    #[test]
    fn each_list_opens_its_own() {
        let rights = rights(&["prices.*", "inbox.{userId}"], &["orders.>"]);
        assert_eq!(both(&rights, "prices.eur"), (true, false));
        assert_eq!(both(&rights, "inbox.ann"), (true, false));
        assert_eq!(both(&rights, "inbox.bob"), (false, false));
        assert_eq!(both(&rights, "orders.eur.1"), (false, true));
    }
}
