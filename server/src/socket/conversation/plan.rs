//! The topics of one `setup`: which of them are handled, in the order of their answers, and which
//! are too many.

use crate::session::{self, Positions};
use indexmap::IndexMap;
use std::borrow::Cow;

/// A topic's name, and the position that the session has for it.
type Named = (Cow<'static, str>, Option<session::Position>);

type Topics = IndexMap<Cow<'static, str>, Option<session::Position>, ahash::RandomState>;

/// What is left to handle of a `setup`. Each topic occurs once, with the position that the session
/// has for it.
#[derive(Default)]
pub(super) struct Plan {
    topics: std::vec::IntoIter<Named>,
    excess: Vec<Named>,
}

impl Plan {
    /// The topic of the URL, then those of the frame, then those of the session; of these the first
    /// `limit`.
    pub(super) fn new(
        of_url: Option<String>,
        of_frame: Vec<Cow<'static, str>>,
        of_session: Option<Positions>,
        limit: usize,
    ) -> Self {
        let mut topics: Topics =
            of_url.map(Cow::Owned).into_iter().chain(of_frame).map(|topic| (topic, None)).collect();
        for (topic, position) in of_session.into_iter().flatten() {
            topics.insert(topic.as_str().to_owned().into(), Some(position));
        }
        let excess = topics.split_off(limit.min(topics.len())).into_iter().collect();
        Self { topics: topics.into_iter().collect::<Vec<_>>().into_iter(), excess }
    }

    /// The topics that are still to be handled.
    pub(super) fn rest(&self) -> &[Named] {
        self.topics.as_slice()
    }

    /// The topics that are too many.
    pub(super) fn excess(&self) -> &[Named] {
        &self.excess
    }
}

impl Iterator for Plan {
    type Item = Named;

    fn next(&mut self) -> Option<Self::Item> {
        self.topics.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Epoch, Topic};
    use std::sync::Arc;

    fn position(seq_no: u64) -> session::Position {
        session::Position { epoch: Arc::new(Epoch::new("e").unwrap()), seq_no, lost: false }
    }

    fn session(topics: &[(&'static str, u64)]) -> Option<Positions> {
        Some(
            topics
                .iter()
                .map(|(topic, seq_no)| (Arc::new(Topic::new(*topic).unwrap()), position(*seq_no)))
                .collect(),
        )
    }

    fn names(topics: &[Named]) -> Vec<&str> {
        topics.iter().map(|(topic, _)| &**topic).collect()
    }

    #[test]
    fn each_topic_is_handled_once_and_in_order() {
        let frame = vec!["b".into(), "u".into(), "b".into(), "c".into()];
        let plan = Plan::new(Some("u".into()), frame, session(&[("s", 1), ("c", 2), ("u", 3)]), 4);
        assert_eq!(names(plan.rest()), ["u", "b", "c", "s"]);
        let positions: Vec<_> =
            plan.map(|(_, position)| position.map(|position| position.seq_no)).collect();
        assert_eq!(positions, [Some(3), None, Some(2), Some(1)]);
    }

    #[test]
    fn those_above_the_limit_are_too_many() {
        let plan = Plan::new(
            None,
            vec!["a".into(), "a".into(), "b".into(), "c".into()],
            session(&[("b", 1), ("d", 1)]),
            2,
        );
        assert_eq!(names(plan.rest()), ["a", "b"]);
        assert_eq!(names(plan.excess()), ["c", "d"]);
        let of_session: Vec<_> = plan.excess().iter().map(|(_, stored)| stored.is_some()).collect();
        assert_eq!(of_session, [false, true]);
        assert_eq!(Plan::new(None, Vec::new(), None, 2).excess().len(), 0);
    }
}
