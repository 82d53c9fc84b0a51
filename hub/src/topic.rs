//! One topic: its numbering, its pending bytes, and its subscribers.
//!
//! All of that is protected by one lock (`Topic::log`), which is held for a few dozen nanoseconds
//! and never over a delivery. A pass of the fan-out takes the list of subscribers *out* of the
//! topic and puts it back; subscriptions that begin or end meanwhile are added or removed when it
//! is put back.
//!
//! A subscriber that has to catch up is a cursor into the topic's history: it is not in the list,
//! reads at its own pace ([`Subscription::catch_up`]), and enters the list in the same step in
//! which it reaches the head.

mod following;
mod page;
mod standing;
mod subscription;

use super::{
    FanOut,
    fan_out::Pass,
    history::{self, History},
    owner::Account,
    pending::Pending,
    shared::Shared,
};
use crate::{clock::Micros, instruments::SIGNATURE_LEN};
use bytes::Bytes;
use following::Following;
pub use following::{Anchor, Attachment, Followed, Head, Received, Record};
pub use page::{Page, Says};
use parking_lot::Mutex;
use protocol::{Epoch, MessageId, Position, SeqNo, encode::MessagePrefix};
use standing::Standing;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};
pub use subscription::{CatchUp, Subscription};
use tokio::sync::Notify;
use websocket::put_text_frame;

/// A topic's name.
pub type Name = protocol::Topic<'static>;

/// Receives a subscriber's bytes.
pub trait Sink: Send + Sync + 'static {
    /// Takes whole WebSocket frames, in order. Must not block, and must not call into the hub. If
    /// `subscription` has ended, it takes nothing; it must check that *under the same lock* that
    /// its owner holds while it ends a subscription and says so, because nothing of a topic may
    /// follow its `unsubscribed`.
    fn deliver(&self, subscription: &Liveness, frames: &Bytes);

    /// Announces a delivery: a good moment to load the memory that it needs.
    fn approach(&self) {}
}

/// Whether a subscription is live.
#[derive(Debug)]
pub struct Liveness(AtomicBool);

impl Liveness {
    /// False once the subscription has ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// An existing topic. Shared by all its publishers and subscribers.
#[derive(Debug)]
pub struct Topic<S> {
    name: Arc<Name>,
    prefix: MessagePrefix,
    /// How many subscriptions it has; a copy of what the lock protects, to be read without it.
    subscribers: AtomicUsize,
    /// When the topic was last used without a subscriber, in [`Micros`].
    idle_since: AtomicU64,
    owner: Arc<Account>,
    shared: Arc<Shared<S>>,
    /// Whether a shared log numbers its messages.
    is_following: bool,
    log: Mutex<Log<S>>,
    /// Notified when the backlog has shrunk.
    drained: Notify,
}

#[derive(Debug)]
struct Log<S> {
    /// The life of the numbering.
    epoch: Arc<Epoch<'static>>,
    head: u64,
    history: History,
    /// Set if the topic follows a shared log and was not forgotten.
    following: Option<Box<Following>>,
    standing: Standing,
    pending: Pending,
    /// The number of the last message that a pass has taken.
    sent: u64,
    /// Subscribers that are not behind: those in `members`, in a pass or in `joining`.
    live: usize,
    /// Bytes that are numbered and have not reached every subscriber yet.
    backlog: usize,
    /// Whether the right to fan out is held.
    scheduled: bool,
    /// Taken out as a whole while a pass is under way.
    members: Vec<Arc<Member<S>>>,
    away: bool,
    /// A subscription has ended whose member is still in the list that a pass has taken, or in
    /// `joining`.
    left_meanwhile: bool,
    joining: Vec<Joining<S>>,
    /// A pass whose holder was dropped before its end.
    unfinished: Option<Box<Pass<S>>>,
    /// The directory has forgotten this topic: another one may have its name.
    retired: bool,
}

/// One subscriber in one topic.
#[derive(Debug)]
pub(super) struct Member<S> {
    pub(super) sink: Arc<S>,
    pub(super) liveness: Liveness,
    /// Its index in `Log::members`; protected by the topic's lock.
    slot: AtomicU32,
}

/// A subscriber that joined while bytes were pending: it gets the bytes behind `from`.
#[derive(Debug)]
pub(super) struct Joining<S> {
    pub(super) member: Arc<Member<S>>,
    pub(super) from: u64,
    /// How many messages the topic had that this subscriber does not get.
    pub(super) count: u64,
}

/// The result of a put, to be handled outside of the lock.
struct Put {
    /// The caller has got the right to fan out.
    mine: bool,
    congested: bool,
}

/// A stored message.
#[must_use = "the fan-out has to be driven"]
#[derive(Debug)]
pub struct Appended<S: Sink> {
    /// Its number.
    pub seq_no: u64,
    /// How many subscriptions the topic had when the message was stored.
    pub subscribers: usize,
    /// The topic lags by more than its limit: the publisher should wait for
    /// [`Topic::below_backlog`].
    pub congested: bool,
    /// The right to fan out, if it was free: the caller must drive it.
    pub fan_out: Option<FanOut<S>>,
}

/// Determines where a new subscription begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// The subscriber's position, if it has one.
    pub position: Option<Position<'a>>,
    /// Messages that were read from a shared log behind that position, if the topic's history does
    /// not reach it.
    pub page: Option<&'a Page>,
    /// How many of the newest messages to replay if no position is given, or if messages behind it
    /// are missing.
    pub last: Option<u64>,
}

impl Start<'_> {
    /// Begins with the next message.
    pub const NOW: Self = Self { position: None, page: None, last: None };
}

/// A new subscription and where it begins.
#[derive(Debug)]
pub struct Joined<S: Sink> {
    /// The subscription, which ends when this is dropped.
    pub subscription: Subscription<S>,
    /// The number of the topic's last message at this moment.
    pub head: u64,
    /// The life of the numbering that it belongs to.
    pub epoch: Arc<Epoch<'static>>,
    /// The subscription's first message is the next one above this number. If it is below `head`,
    /// the subscription is behind.
    pub after: u64,
    /// Whether every message behind the position is kept; `None` if no position was given.
    pub recovered: Option<bool>,
}

/// The directory has forgotten this topic; look its name up again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic was forgotten")]
pub struct Retired;

impl<S: Sink> Topic<S> {
    pub(super) fn new(
        name: Name,
        owner: Arc<Account>,
        epoch: Epoch<'static>,
        history: history::Limits,
        shared: Arc<Shared<S>>,
    ) -> Self {
        Self {
            prefix: MessagePrefix::new(&name),
            name: Arc::new(name),
            subscribers: AtomicUsize::new(0),
            idle_since: AtomicU64::new(shared.now().0),
            owner,
            shared,
            is_following: false,
            log: Mutex::new(Log {
                epoch: Arc::new(epoch),
                head: 0,
                history: History::new(history),
                following: None,
                standing: Standing::default(),
                pending: Pending::default(),
                sent: 0,
                live: 0,
                backlog: 0,
                scheduled: false,
                members: Vec::new(),
                away: false,
                left_meanwhile: false,
                joining: Vec::new(),
                unfinished: None,
                retired: false,
            }),
            drained: Notify::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<Name> {
        &self.name
    }

    /// The number of the last message (0: none yet) and the life of the numbering that it belongs
    /// to.
    #[must_use]
    pub fn position(&self) -> (u64, Arc<Epoch<'static>>) {
        let log = self.log.lock();
        (log.head, log.epoch.clone())
    }

    /// The life of its numbering.
    #[must_use]
    pub fn epoch(&self) -> Arc<Epoch<'static>> {
        self.log.lock().epoch.clone()
    }

    /// How many subscriptions it has.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.subscribers.load(Relaxed)
    }

    /// The number of the last message; 0: none yet.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.log.lock().head
    }

    /// Numbers a message that was accepted at `now`, and adds it to the pending bytes. `data` is
    /// one JSON value.
    ///
    /// # Errors
    /// [`Retired`]: nothing was stored.
    pub fn append(
        self: &Arc<Self>,
        now: Micros,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> Result<Appended<S>, Retired> {
        let expected = self.frame_len(message_id, data);
        let mut guard = self.log.lock();
        let log = &mut *guard;
        if log.retired {
            return Err(Retired);
        }
        debug_assert!(log.head < SeqNo::MAX);
        let seq_no = log.head + 1;
        let put = self.put(log, now, seq_no, message_id, data, expected);
        drop(guard);
        Ok(self.after_put(put, now, seq_no))
    }

    /// An estimate of the length of a message's frame, in bytes.
    fn frame_len(&self, message_id: &MessageId<'_>, data: &str) -> usize {
        self.prefix.frame_len(message_id, data, self.shared.signer.as_ref().map(|_| SIGNATURE_LEN))
    }

    /// Takes the right to fan out. False: it is held already.
    fn take_right(&self, log: &mut Log<S>) -> bool {
        let mine = !std::mem::replace(&mut log.scheduled, true);
        if mine {
            self.shared.fanning_out.fetch_add(1, Relaxed);
        }
        mine
    }

    /// Adds a message as the topic's newest; its frame has about `expected` bytes.
    fn put(
        self: &Arc<Self>,
        log: &mut Log<S>,
        now: Micros,
        seq_no: u64,
        message_id: &MessageId<'_>,
        data: &str,
        expected: usize,
    ) -> Put {
        let numbers = (log.head, seq_no);
        log.head = seq_no;
        let epoch = &log.epoch;
        let encode = |out: &mut Vec<u8>| {
            put_text_frame(out, expected, |out| {
                self.put_message(out, epoch, numbers, message_id, data)
            })
        };
        let mut mine = false;
        let before = log.history.footprint();
        if log.live > 0 {
            let begin = log.pending.end();
            log.pending.put(seq_no, now, expected + 4, encode);
            let len = (log.pending.end() - begin) as usize;
            log.backlog += len;
            mine = self.take_right(log);
            let frame = log.pending.newest(len);
            log.history.put(seq_no, now, len, |out| out.extend_from_slice(frame));
        } else {
            log.history.put(seq_no, now, expected + 4, encode);
        }
        self.history_changed(log, before);
        Put { mine, congested: log.backlog > self.shared.limits.topic_backlog }
    }

    /// Handles the result of a put outside of the lock.
    fn after_put(self: &Arc<Self>, put: Put, now: Micros, seq_no: u64) -> Appended<S> {
        let Put { mine, congested } = put;
        let subscribers = self.subscribers();
        if subscribers == 0 && !self.is_following {
            self.idle_since.store(now.0, Relaxed);
        }
        self.shared.trim_excess();
        Appended {
            seq_no,
            subscribers,
            congested,
            fan_out: mine.then(|| FanOut::new(self.clone())),
        }
    }

    fn put_message(
        &self,
        out: &mut Vec<u8>,
        epoch: &Epoch<'_>,
        numbers: (u64, u64),
        message_id: &MessageId<'_>,
        data: &str,
    ) {
        let sig = self
            .shared
            .signer
            .as_ref()
            .map(|signer| signer.sign(&self.name, epoch, numbers.1, message_id, data));
        self.prefix.put(out, numbers, message_id, data, sig.as_ref().map(<[u8; _]>::as_slice));
    }

    /// Subscribes `sink`: to the messages behind the position of `start`, if all of them are proved
    /// to be kept; otherwise to the newest messages, as many as `start` asks for and are kept. In
    /// both cases also to every message after this moment. A subscription that begins below the
    /// head has to catch up. Bytes may reach the sink before this returns: a caller that has to
    /// send something first holds the sink's lock during the call.
    ///
    /// # Errors
    /// [`Retired`]: nothing was subscribed.
    pub fn join(self: &Arc<Self>, sink: Arc<S>, start: Start<'_>) -> Result<Joined<S>, Retired> {
        let now = self.shared.now();
        let mut log = self.log.lock();
        if log.retired {
            return Err(Retired);
        }
        self.change_history(&mut log, |history| history.trim(now));
        let head = log.head;
        let member = Arc::new(Member {
            sink,
            liveness: Liveness(AtomicBool::new(true)),
            slot: AtomicU32::new(0),
        });
        let epoch = log.epoch.clone();
        let recovered = start.position.map(|position| {
            let same_life = position.epoch.is_none_or(|named| named == epoch.as_str());
            let after = position.last_seq.get();
            let is_in_the_log =
                |page: &Page| page.says(epoch.as_str(), after) == Says::Continues && after <= head;
            same_life && (log.history.reaches(after) || start.page.is_some_and(is_in_the_log))
        });
        let after = match (start.position, recovered) {
            (Some(position), Some(true)) => position.last_seq.get(),
            _ => log.history.before_newest(start.last.unwrap_or(0)),
        };
        let behind = after < head;
        let subscription =
            Subscription { topic: self.clone(), member, epoch: epoch.clone(), after, behind };
        if !behind {
            log.go_live(subscription.member.clone());
        }
        if self.subscribers.fetch_add(1, Relaxed) == 0 {
            self.shared.in_use.fetch_add(1, Relaxed);
            self.settle(&mut log);
        }
        Ok(Joined { subscription, head, epoch, after, recovered })
    }

    fn leave(self: &Arc<Self>, member: &Arc<Member<S>>, behind: bool) {
        let mut log = self.log.lock();
        member.liveness.0.store(false, Relaxed);
        let last = self.subscribers.fetch_sub(1, Relaxed) == 1;
        if !behind {
            log.live -= 1;
            log.dismiss(member);
            self.drop_unfinished(&mut log);
        }
        if last {
            self.shared.in_use.fetch_sub(1, Relaxed);
            self.touch();
            self.settle(&mut log);
        }
    }

    /// Drops an unfinished pass if no subscriber is left that would get the rest.
    fn drop_unfinished(&self, log: &mut Log<S>) {
        if log.live == 0 && !log.scheduled {
            log.unfinished = None;
            log.away = false;
            log.joining.clear();
            while log.pending.take().is_some() {}
            log.backlog = 0;
        }
    }

    /// Waits until the backlog is within its limit. Cancel-safe: cancelling changes nothing.
    pub async fn below_backlog(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.log.lock().backlog <= self.shared.limits.topic_backlog {
                return;
            }
            drained.await;
        }
    }

    /// Begins a pass, or gives the right to fan out back. `None`: it was given back, and another
    /// task may hold it already, so the caller must not touch the topic's fan-out any more.
    pub(super) fn begin_pass(&self) -> Option<Box<Pass<S>>> {
        let mut log = self.log.lock();
        if let Some(pass) = log.unfinished.take() {
            return Some(pass);
        }
        let Some(chunk) = log.pending.take() else {
            self.give_back(&mut log);
            return None;
        };
        log.away = true;
        log.sent = chunk.last;
        let (members, joining) =
            (std::mem::take(&mut log.members), std::mem::take(&mut log.joining));
        Some(Box::new(Pass { chunk, members, joining, at: 0 }))
    }

    /// Puts back what [`Topic::begin_pass`] took. True: more bytes are pending. False: the right is
    /// given back, and the caller must not touch the topic's fan-out any more.
    pub(super) fn end_pass(&self, pass: Pass<S>) -> bool {
        let mut log = self.log.lock();
        let limit = self.shared.limits.topic_backlog;
        let congested = log.backlog > limit;
        log.backlog -= pass.chunk.frames.len();
        let relieved = congested && log.backlog <= limit;
        log.put_back(pass);
        let more = !log.pending.is_empty();
        if !more {
            self.give_back(&mut log);
        }
        drop(log);
        if relieved {
            self.drained.notify_waiters();
        }
        more
    }

    pub(super) fn shared(&self) -> &Shared<S> {
        &self.shared
    }

    /// Gives the right back before the end, together with the running pass: the next holder
    /// continues it.
    pub(super) fn abandon(&self, pass: Option<Box<Pass<S>>>) {
        let mut log = self.log.lock();
        log.unfinished = pass.or(log.unfinished.take());
        self.give_back(&mut log);
        self.drop_unfinished(&mut log);
    }

    fn give_back(&self, log: &mut Log<S>) {
        log.scheduled = false;
        self.shared.fanning_out.fetch_sub(1, Relaxed);
    }
}

impl<S> Log<S> {
    /// Adds `member` to the live subscribers: it gets what is appended from now on.
    fn go_live(&mut self, member: Arc<Member<S>>) {
        self.live += 1;
        if self.away || !self.pending.is_empty() {
            self.joining.push(Joining {
                member,
                from: self.pending.end(),
                count: self.pending.count(),
            });
        } else {
            self.admit(member);
        }
    }

    fn admit(&mut self, member: Arc<Member<S>>) {
        member.slot.store(self.members.len() as u32, Relaxed);
        self.members.push(member);
    }

    /// Removes a member that has left from the list, in constant time. If it is not there (a pass
    /// has the list, or it was still joining), it is removed when the pass ends.
    fn dismiss(&mut self, member: &Arc<Member<S>>) {
        let slot = member.slot.load(Relaxed) as usize;
        if self.members.get(slot).is_some_and(|found| Arc::ptr_eq(found, member)) {
            self.members.swap_remove(slot);
            if let Some(moved) = self.members.get(slot) {
                moved.slot.store(slot as u32, Relaxed);
            }
        } else {
            self.left_meanwhile = true;
        }
    }

    /// Puts back the members of a pass. A subscriber that joined behind the pass's chunk stays in
    /// `joining`; all others are members now.
    fn put_back(&mut self, pass: Pass<S>) {
        let Pass { chunk, mut members, joining, .. } = pass;
        let (mut waiting, mut arrived): (Vec<_>, Vec<_>) =
            joining.into_iter().partition(|joining| joining.from > chunk.end());
        waiting.append(&mut self.joining);
        if self.pending.is_empty() {
            arrived.append(&mut waiting);
        }
        if std::mem::take(&mut self.left_meanwhile) {
            members.retain(|member| member.liveness.is_live());
            for (slot, member) in members.iter().enumerate() {
                member.slot.store(slot as u32, Relaxed);
            }
            arrived.retain(|joining| joining.member.liveness.is_live());
            waiting.retain(|joining| joining.member.liveness.is_live());
        }
        self.members = members;
        self.away = false;
        self.joining = waiting;
        arrived.into_iter().for_each(|joining| self.admit(joining.member));
    }
}
