//! The last message of each topic of a partition, as far as a reader has seen. Of a topic that it
//! has not seen it knows one thing: no message lies above the `floor`.

use hashbrown::{Equivalent, HashMap};
use hub::topic::Name;
use protocol::{MessageId, Topic};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug)]
pub(super) struct Heads {
    /// Topics that are not here have no message above it.
    floor: u64,
    /// Topics that are kept; then the one that was quiet for longest goes, and the floor rises.
    max: usize,
    by_topic: HashMap<Arc<Name>, Last, ahash::RandomState>,
    by_number: BTreeMap<u64, Arc<Name>>,
}

#[derive(Debug)]
struct Last {
    seq_no: u64,
    message_id: Option<MessageId<'static>>,
}

/// A topic's name, to look it up.
#[derive(Hash)]
struct Text<'a>(&'a str);

impl Equivalent<Arc<Name>> for Text<'_> {
    fn equivalent(&self, name: &Arc<Name>) -> bool {
        self.0 == name.as_str()
    }
}

impl Heads {
    /// For a reader that has read nothing at or below `floor`.
    pub(super) fn new(floor: u64, max: usize) -> Self {
        Self { floor, max, by_topic: HashMap::default(), by_number: BTreeMap::new() }
    }

    /// A number above which the topic has no message, and that message's id if it is known: that of
    /// its last message, if that was seen.
    pub(super) fn head(&self, topic: &Topic<'_>) -> (u64, Option<&MessageId<'static>>) {
        match self.by_topic.get(&Text(topic.as_str())) {
            Some(last) => (last.seq_no, last.message_id.as_ref()),
            None => (self.floor, None),
        }
    }

    /// The topic's name, shared.
    pub(super) fn name(&self, topic: &Topic<'_>) -> Arc<Name> {
        let known = self.by_topic.get_key_value(&Text(topic.as_str()));
        known.map_or_else(|| Arc::new(topic.clone().into_owned()), |(name, _)| name.clone())
    }

    /// The topic has a message at this number, which is above all before. `message_id`: if it may
    /// be told.
    pub(super) fn put(
        &mut self,
        topic: &Arc<Name>,
        seq_no: u64,
        message_id: Option<MessageId<'static>>,
    ) {
        let before = self.by_topic.insert(topic.clone(), Last { seq_no, message_id });
        if let Some(before) = before {
            self.by_number.remove(&before.seq_no);
        }
        self.by_number.insert(seq_no, topic.clone());
        while self.by_topic.len() > self.max
            && let Some((oldest, topic)) = self.by_number.pop_first()
        {
            self.by_topic.remove(&topic);
            self.floor = self.floor.max(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> Arc<Name> {
        Arc::new(Name::new(text).unwrap())
    }

    #[test]
    fn a_head_never_goes_back_also_if_its_topic_is_forgotten() {
        let (mut heads, [a, b, c]) = (Heads::new(7, 2), ["a", "b", "c"].map(name));
        let id = MessageId::new("m").unwrap();
        assert_eq!(heads.head(&a), (7, None));
        heads.put(&a, 9, Some(id.clone()));
        heads.put(&b, 10, None);
        heads.put(&a, 11, Some(id.clone()));
        assert_eq!(heads.head(&a), (11, Some(&id)));
        heads.put(&c, 12, None);
        assert_eq!((heads.head(&a), heads.head(&b)), ((11, Some(&id)), (10, None)));
        assert_eq!(heads.head(&name("d")), (10, None), "it may have been forgotten too");
        assert!(Arc::ptr_eq(&heads.name(&a), &a));
    }
}
