//! Attached topics. The reader of their partition reads everything anyway, so an attachment is only
//! where a topic's records go.

use crate::backbone::{Event, Head, Inbox, Record};
use dashmap::{DashMap, Entry};
use hub::topic::Name;
use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// All attached topics; they outlive connections.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    /// One for each topic, or two for a moment, while a topic that was forgotten comes back.
    by_topic: DashMap<Name, Vec<Attachment>, ahash::RandomState>,
    next: AtomicU64,
}

/// With its own number.
type Attachment = (u64, Arc<dyn Inbox>);

/// Ends an attachment.
pub(super) struct Guard {
    all: Weak<Attachments>,
    topic: Name,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(all) = self.all.upgrade() else { return };
        if let Entry::Occupied(mut entry) = all.by_topic.entry(self.topic.clone()) {
            entry.get_mut().retain(|(id, _)| *id != self.id);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

impl Attachments {
    pub(super) fn add(self: &Arc<Self>, topic: Name, inbox: Arc<dyn Inbox>) -> Guard {
        let id = self.next.fetch_add(1, Relaxed);
        self.by_topic.entry(topic.clone()).or_default().push((id, inbox));
        Guard { all: Arc::downgrade(self), topic, id }
    }

    pub(super) fn len(&self) -> usize {
        self.by_topic.len()
    }

    /// Those at this moment.
    pub(super) fn topics(&self) -> Vec<Name> {
        self.by_topic.iter().map(|entry| entry.key().clone()).collect()
    }

    /// Delivers what `record` makes, unless the topic is not attached. Called by the reader only, in
    /// the log's order. The log is read on also if the inbox pauses: it serves all topics.
    pub(super) fn deliver(&self, topic: &Name, record: impl Fn() -> Option<Record>) {
        self.tell(topic, || record().map(Event::Record));
    }

    /// As [`Attachments::deliver`], of a head.
    pub(super) fn tell_head(&self, topic: &Name, head: &Head) {
        self.tell(topic, || Some(Event::Head(head.clone())));
    }

    fn tell(&self, topic: &Name, event: impl Fn() -> Option<Event>) {
        let Some(inboxes) = self.by_topic.get(topic) else { return };
        // Not under the map's lock: an inbox may end an attachment.
        let inboxes: Vec<_> = inboxes.iter().map(|(_, inbox)| inbox.clone()).collect();
        for inbox in inboxes {
            if let Some(event) = event() {
                inbox.deliver(topic, event);
            }
        }
    }
}
