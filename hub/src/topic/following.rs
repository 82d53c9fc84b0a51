//! A topic whose numbers a shared log gives: a broker's, which several gateways follow. The
//! topic's history is a cache of the log's tail.
//!
//! Each [`Record`] names its predecessor, so that a topic proves from record to record that it
//! misses nothing, also if the numbers are sparse. What cannot be proved is not taken
//! ([`Received`]): the caller reads the log, and continues or tells the loss. Nothing is ever
//! passed over in silence.

use super::{Account, FanOut, Log, Name, Shared, Sink, Topic, history};
use crate::clock::Micros;
use protocol::{Epoch, MessageId, ServerFrame, Subscribed, encode};
use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use websocket::put_text_frame;

/// What keeps a topic's records coming. Dropped when the topic is forgotten.
pub struct Attachment(pub Box<dyn Send + Sync>);

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment")
    }
}

/// A message of a shared log.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The life of the numbering that `seq_no` belongs to.
    pub epoch: &'a str,
    /// Its number.
    pub seq_no: u64,
    /// The number of the topic's message before it, 0 if it is the first one. `None`: unknown.
    pub prev: Option<u64>,
    /// The publisher's name for it.
    pub message_id: &'a MessageId<'a>,
    /// One JSON value.
    pub data: &'a str,
    /// When it was published, by this process's clock.
    pub published: Micros,
}

/// What became of a record.
#[must_use]
#[derive(Debug)]
pub enum Received<S: Sink> {
    /// It is the topic's newest message now.
    Taken {
        /// The topic lags by more than its limit: no more records until it has caught up.
        congested: bool,
        /// The right to fan out, if nothing else had it.
        fan_out: Option<FanOut<S>>,
    },
    /// It is here already.
    Known,
    /// It is not proved that it follows the newest message: what lies between has to be read.
    Hole,
    /// It has a number that was used already, and it is not known to be that message, or it belongs
    /// to another life. Whether the numbering went back has to be found out.
    Stale,
    /// The topic was forgotten.
    Retired,
}

/// What a topic knows of a shared log.
#[derive(Debug)]
pub(super) struct Following {
    /// Held for its drop.
    _attachment: Attachment,
    /// Tells the newest message from another one that has its number. `None`: not known.
    anchor: Option<Anchor>,
}

/// A hash of a message's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor(u64);

impl Anchor {
    /// Of the message with this id.
    #[must_use]
    pub fn of(message_id: &MessageId<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        message_id.as_str().hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// How far a topic has followed its log.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The life of the numbering.
    pub epoch: Arc<Epoch<'static>>,
    /// Everything up to this number was taken, or was told as lost.
    pub head: u64,
    /// Of the message with the number `head`.
    pub anchor: Option<Anchor>,
}

/// Where a log begins for a topic that follows it.
#[derive(Debug, Clone)]
pub struct Head<'a> {
    /// The life of the numbering.
    pub epoch: Epoch<'static>,
    /// The number of the log's newest message; 0: none.
    pub seq_no: u64,
    /// That message's id, if it is known.
    pub message_id: Option<&'a MessageId<'a>>,
}

impl<S: Sink> Topic<S> {
    /// A topic that follows a log from `head` on.
    pub(crate) fn following(
        name: Name,
        owner: Arc<Account>,
        head: Head<'_>,
        attachment: Attachment,
        history: history::Limits,
        shared: Arc<Shared<S>>,
    ) -> Self {
        let mut topic = Self::new(name, owner, head.epoch, history, shared);
        topic.is_following = true;
        let log = topic.log.get_mut();
        log.head = head.seq_no;
        log.history.begin_again(head.seq_no);
        let anchor = head.message_id.map(Anchor::of);
        log.following = Some(Box::new(Following { _attachment: attachment, anchor }));
        topic
    }

    /// How far it has followed its log. `None`: it was forgotten, or it follows none.
    #[must_use]
    pub fn followed(&self) -> Option<Followed> {
        let log = self.log.lock();
        let anchor = log.following.as_ref()?.anchor;
        Some(Followed { epoch: log.epoch.clone(), head: log.head, anchor })
    }

    /// The number above which its history is a part of the log without a gap.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.log.lock().history.floor()
    }

    /// How many messages its history has.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.log.lock().history.len()
    }

    /// What its history may keep.
    #[must_use]
    pub fn keeps(&self) -> history::Limits {
        self.log.lock().history.limits()
    }

    /// The time of the clock that it goes by.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.shared.now()
    }

    /// Takes the log's next record and makes it due, if it is proved to be the next one.
    pub fn receive(self: &Arc<Self>, record: &Record<'_>) -> Received<S> {
        let Record { seq_no, prev, message_id, data, published, .. } = *record;
        let expected = self.frame_len(message_id, data);
        let mut guard = self.log.lock();
        let log = &mut *guard;
        let Some(following) = &mut log.following else { return Received::Retired };
        if log.epoch.as_str() != record.epoch {
            return Received::Stale;
        }
        if seq_no <= log.head {
            return if self.knows(log, record) { Received::Known } else { Received::Stale };
        }
        // 0 may also mean that all messages before it are gone.
        let is_next = prev.is_some_and(|prev| prev <= log.head && (prev > 0 || log.head == 0));
        if !is_next {
            return Received::Hole;
        }
        following.anchor = Some(Anchor::of(message_id));
        let put = self.put(log, published, seq_no, message_id, data, expected);
        drop(guard);
        let put = self.after_put(put, published, seq_no);
        Received::Taken { congested: put.congested, fan_out: put.fan_out }
    }

    /// Whether this very message is the one that its number was given to here, as far as that is
    /// known.
    #[must_use]
    pub fn knows_record(&self, record: &Record<'_>) -> bool {
        self.knows(&self.log.lock(), record)
    }

    fn knows(&self, log: &Log<S>, record: &Record<'_>) -> bool {
        let anchor = log.following.as_ref().and_then(|following| following.anchor);
        if record.seq_no == log.head && anchor.is_some() {
            return anchor == Some(Anchor::of(record.message_id));
        }
        let frame = log.history.frame(record.seq_no).map(text_of);
        frame.is_some_and(|text| self.prefix.is_message(text, record.message_id, record.data))
    }

    /// It is proved that the log has no message above the head and up to `seq_no` of this life.
    pub fn skip_to(&self, epoch: &Epoch<'_>, seq_no: u64) {
        let mut log = self.log.lock();
        if seq_no > log.head && log.epoch.as_str() == epoch.as_str() {
            log.head = seq_no;
            log.history.skip_to(seq_no);
            if let Some(following) = &mut log.following {
                following.anchor = None;
            }
        }
    }

    /// Continuity has ended: the log continues behind `head`, and what lay between is lost. Every
    /// subscriber is told. Gives the right to fan out, if nothing else has it.
    pub fn lose(self: &Arc<Self>, head: Head<'_>) -> Option<FanOut<S>> {
        let Head { epoch, seq_no, message_id } = head;
        let mut guard = self.log.lock();
        let log = &mut *guard;
        log.following.as_mut()?.anchor = message_id.map(Anchor::of);
        if *log.epoch != epoch {
            log.epoch = Arc::new(epoch);
        }
        self.change_history(log, |history| history.begin_again(seq_no));
        log.head = seq_no;
        if log.live == 0 {
            return None;
        }
        let told =
            ServerFrame::Subscribed(Subscribed::at(&self.name, seq_no, &log.epoch, Some(false)));
        let begin = log.pending.end();
        log.pending.put_notice(seq_no, |out| {
            const EXPECTED: usize = 200;
            put_text_frame(out, EXPECTED, |out| encode::put_frame(out, &told));
        });
        log.backlog += (log.pending.end() - begin) as usize;
        let mine = self.take_right(log);
        drop(guard);
        mine.then(|| FanOut::new(self.clone()))
    }
}

/// The text of a frame as [`put_text_frame`] makes it: unmasked, in one piece.
fn text_of(frame: &[u8]) -> &[u8] {
    let header = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    frame.get(header..).unwrap_or_default()
}
