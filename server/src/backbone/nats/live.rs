//! Attached topics: one plain subscription each to what the stream republishes. What comes there is
//! in order and stored, but some of it may be missing; [`super::tail_check`] finds that out.

use super::{heads, heads::Proved, shard::Shard, stored::Stored};
use crate::backbone::{Event, Head, Inbox, Unavailable};
use dashmap::{DashMap, Entry};
use futures_util::StreamExt;
use hub::topic::Name;
use parking_lot::Mutex;
use protocol::Epoch;
use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// The end of a topic's log as it was proved last.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) epoch: Arc<Epoch<'static>>,
    /// The topic's head.
    pub(super) head: u64,
    /// The log had nothing above the head up to this number.
    pub(super) up_to: u64,
    /// When it was proved.
    pub(super) at: Instant,
}

/// All attached topics; they outlive connections.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    by_id: DashMap<u64, Arc<Attachment>, ahash::RandomState>,
    /// One for each topic, or two for a moment, while a topic that was forgotten comes back.
    by_topic: DashMap<Name, Vec<u64>, ahash::RandomState>,
    next: AtomicU64,
}

pub(super) struct Attachment {
    pub(super) topic: Name,
    inbox: Arc<dyn Inbox>,
    /// Held while an event is delivered, so that one task at a time does that. The newest number
    /// that was told, and its life.
    delivered: Mutex<Option<(Arc<Epoch<'static>>, u64)>>,
    pub(super) known: Mutex<Option<Known>>,
    /// Receives over the present connection.
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Ends an attachment.
pub(super) struct Guard {
    all: Weak<Attachments>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ended = self.all.upgrade().and_then(|all| all.by_id.remove(&self.id));
        if let (Some(all), Some((_, attachment))) = (self.all.upgrade(), ended) {
            attachment.task.lock().take();
            if let Entry::Occupied(mut entry) = all.by_topic.entry(attachment.topic.clone()) {
                entry.get_mut().retain(|id| *id != self.id);
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
        }
    }
}

impl Attachments {
    pub(super) fn add(
        self: &Arc<Self>,
        topic: Name,
        inbox: Arc<dyn Inbox>,
    ) -> (Arc<Attachment>, Guard) {
        let id = self.next.fetch_add(1, Relaxed);
        let attachment = Arc::new(Attachment {
            topic,
            inbox,
            delivered: Mutex::default(),
            known: Mutex::default(),
            task: Mutex::default(),
        });
        self.by_id.insert(id, attachment.clone());
        self.by_topic.entry(attachment.topic.clone()).or_default().push(id);
        (attachment, Guard { all: Arc::downgrade(self), id })
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// An attachment of this topic.
    pub(super) fn find(&self, topic: &Name) -> Option<Arc<Attachment>> {
        let of_topic = self.by_topic.get(topic)?;
        of_topic.first().and_then(|id| self.by_id.get(id)).map(|found| found.clone())
    }

    /// Those at this moment.
    pub(super) fn all(&self) -> Vec<Arc<Attachment>> {
        self.by_id.iter().map(|attachment| attachment.clone()).collect()
    }
}

impl Attachment {
    /// Receives over this connection from now on, and no longer over the one before it.
    ///
    /// # Errors
    /// [`Unavailable`]: the connection has ended.
    pub(super) async fn listen(self: &Arc<Self>, shard: &Arc<Shard>) -> Result<(), Unavailable> {
        let subject = shard.names.live(&self.topic);
        let messages = shard.connection.client().subscribe(subject).await;
        let messages = messages.map_err(|_| Unavailable)?;
        let work = receive(Arc::downgrade(self), shard.clone(), messages);
        *self.task.lock() = Some(AbortOnDropHandle::new(tokio::spawn(work)));
        Ok(())
    }

    /// Live messages get lost from now on.
    #[cfg(test)]
    pub(super) fn stop_listening(&self) {
        self.task.lock().take();
    }

    /// The topic's head, from a proof; notes it.
    pub(super) async fn head(&self, shard: &Shard, proved: &Proved) -> Head {
        let before = self.known.lock().clone();
        let head = heads::head(shard, proved, before).await;
        self.note(&head, proved.up_to);
        head
    }

    /// A later proof replaces an earlier one.
    fn note(&self, head: &Head, up_to: u64) {
        let mut known = self.known.lock();
        if known.as_ref().is_none_or(|known| known.epoch != head.epoch || known.up_to <= up_to) {
            let (epoch, at) = (head.epoch.clone(), Instant::now());
            *known = Some(Known { epoch, head: head.seq_no, up_to, at });
        }
    }

    /// Nothing has come since `before` was proved, up to this number. Gives the head.
    pub(super) fn unchanged(&self, before: &Known, up_to: u64) -> Head {
        let head = Head { epoch: before.epoch.clone(), seq_no: before.head, message_id: None };
        self.note(&head, up_to);
        head
    }

    /// The head with which the attachment begins.
    pub(super) fn begin(&self, head: &Head) {
        let mut delivered = self.delivered.lock();
        if delivered.as_ref().is_none_or(|(epoch, _)| *epoch != head.epoch) {
            *delivered = Some((head.epoch.clone(), head.seq_no));
        }
    }

    /// Delivers a head, unless the inbox has had one, or a message, that is as new.
    pub(super) fn tell(&self, head: Head) {
        let mut delivered = self.delivered.lock();
        let is_old = |(epoch, seq_no): &(Arc<Epoch<'static>>, u64)| {
            *epoch == head.epoch && *seq_no >= head.seq_no
        };
        if delivered.as_ref().is_some_and(is_old) {
            return;
        }
        *delivered = Some((head.epoch.clone(), head.seq_no));
        self.inbox.deliver(&self.topic, Event::Head(head));
    }

    fn deliver(&self, shard: &Shard, message: async_nats::Message) {
        let Some(found) = Stored::read(message) else { return };
        let Some(epoch) = shard.numbering.epoch() else { return };
        shard.numbering.highest.fetch_max(found.seq_no, Relaxed);
        let Some(record) = found.record(&epoch, Some(found.before), shard.clock.now()) else {
            tracing::warn!(
                seq_no = found.seq_no,
                "a message in the log was not published by a gateway and is left out"
            );
            return;
        };
        let mut delivered = self.delivered.lock();
        *delivered = Some((epoch, found.seq_no));
        // The log is read on, also if the inbox pauses: `async-nats` drops what is not taken.
        let _demand = self.inbox.deliver(&self.topic, Event::Record(record));
    }
}

async fn receive(
    attachment: Weak<Attachment>,
    shard: Arc<Shard>,
    mut messages: async_nats::Subscriber,
) {
    while let Some(message) = messages.next().await {
        let Some(attachment) = attachment.upgrade() else { return };
        if shard.connection.is_over() {
            return;
        }
        attachment.deliver(&shard, message);
    }
}
