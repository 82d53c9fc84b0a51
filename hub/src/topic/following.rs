//! A topic whose messages a shared log numbers: a broker's log, which several gateways follow. The
//! topic's history is a cache of the log's tail.
//!
//! Each [`Record`] names its predecessor, so that a topic proves from record to record that it
//! misses nothing, even if the numbers are sparse. A record that cannot be proved to be the next
//! one is not taken ([`Received`]): the caller reads the log, and either continues or reports the
//! loss. No message is ever skipped silently.

use super::{Account, Log, Name, Shared, Sink, State, Topic, history};
use crate::{clock::Micros, fan_out::FanOut};
use protocol::{Epoch, MessageId, ServerFrame, Subscribed, encode};
use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use websocket::put_text_frame;

/// The guard of the topic's feed. It is dropped when the topic is forgotten.
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
    /// Its number in the topic.
    pub seq_no: u64,
    /// The number of the topic's message before it, 0 if it is the first one; `None`: unknown.
    pub prev: Option<u64>,
    /// The id that its publisher gave it.
    pub message_id: &'a MessageId<'a>,
    /// One JSON value.
    pub data: &'a str,
    /// When it was published, by this process's clock.
    pub published: Micros,
}

/// The result of receiving a record.
#[must_use]
#[derive(Debug)]
pub enum Received<S: Sink> {
    /// The record is the topic's newest message now.
    Taken {
        /// The topic lags by more than its limit: hand over no more records until it has caught up.
        congested: bool,
        /// The right to fan out, if it was free.
        fan_out: Option<FanOut<S>>,
    },
    /// The topic has this record already.
    Known,
    /// The record is not proved to follow the newest message: what lies between must be read.
    Hole,
    /// The record has a number that was used already and is not known to be that message, or it
    /// belongs to another life. The caller has to find out whether the numbering went back.
    Stale,
    /// The directory has forgotten the topic.
    Retired,
}

/// The state of a topic that follows a shared log.
#[derive(Debug)]
pub(super) struct Following {
    /// Held only to be dropped with the topic.
    _attachment: Attachment,
    /// Distinguishes the newest message from another one with the same number. `None`: not known.
    anchor: Option<Anchor>,
    /// What the next message names as its predecessor: no subscriber knows of a number above it,
    /// although the topic may be proved to have no message up to a higher one.
    announced: u64,
}

impl Following {
    /// A subscriber goes on live that knows of messages up to `known`: of those behind it none is
    /// below the next one.
    pub(super) fn announce_from(&mut self, known: u64) {
        self.announced = self.announced.min(known);
    }
}

/// A hash of a message's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor(u64);

impl Anchor {
    /// The anchor of the message with this id.
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
    /// Every message up to this number was taken, or was reported as lost.
    pub head: u64,
    /// The anchor of the message with the number `head`.
    pub anchor: Option<Anchor>,
}

/// The end of a log, from which a topic begins to follow it.
#[derive(Debug, Clone)]
pub struct Head<'a> {
    /// The life of the numbering.
    pub epoch: Epoch<'static>,
    /// The number of the log's newest message; 0: the log is empty.
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
        let log = &mut topic.state.get_mut().log;
        log.head = head.seq_no;
        log.history.begin_again(head.seq_no);
        let anchor = head.message_id.map(Anchor::of);
        let announced = head.seq_no;
        log.following = Some(Box::new(Following { _attachment: attachment, anchor, announced }));
        topic
    }

    /// How far the topic has followed its log. `None`: it was forgotten, or it follows no log.
    #[must_use]
    pub fn followed(&self) -> Option<Followed> {
        let state = self.state.lock();
        let log = &state.log;
        let anchor = log.following.as_ref()?.anchor;
        Some(Followed { epoch: log.epoch.clone(), head: log.head, anchor })
    }

    /// The number above which its history is a part of the log without a gap.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.state.lock().log.history.floor()
    }

    /// How many messages its history contains.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.state.lock().log.history.len()
    }

    /// The limits of its history.
    #[must_use]
    pub fn keeps(&self) -> history::Limits {
        self.state.lock().log.history.limits()
    }

    /// The present moment of the clock that the topic uses.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.shared.now()
    }

    /// Takes the log's next record and adds it to the pending bytes, if it is proved to be the next
    /// one.
    pub fn receive(self: &Arc<Self>, record: &Record<'_>) -> Received<S> {
        let Record { seq_no, prev, message_id, data, published, .. } = *record;
        let expected = self.frame_len(message_id, data);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let log = &mut state.log;
        let Some(following) = &mut log.following else { return Received::Retired };
        if log.epoch.as_str() != record.epoch {
            return Received::Stale;
        }
        if seq_no <= log.head {
            return if self.knows(log, record) { Received::Known } else { Received::Stale };
        }
        // 0 may also mean that all messages before it were removed from the log.
        let is_next = prev.is_some_and(|prev| prev <= log.head && (prev > 0 || log.head == 0));
        if !is_next {
            return Received::Hole;
        }
        following.anchor = Some(Anchor::of(message_id));
        log.head = std::mem::replace(&mut following.announced, seq_no);
        let put = self.put(state, published, seq_no, message_id, data, expected);
        drop(guard);
        let put = self.after_put(put, published, seq_no);
        Received::Taken { congested: put.congested, fan_out: put.fan_out }
    }

    /// Whether this record is the same message as the one with its number here, as far as that is
    /// known.
    #[must_use]
    pub fn knows_record(&self, record: &Record<'_>) -> bool {
        self.knows(&self.state.lock().log, record)
    }

    fn knows(&self, log: &Log, record: &Record<'_>) -> bool {
        let anchor = log.following.as_ref().and_then(|following| following.anchor);
        if record.seq_no == log.head && anchor.is_some() {
            return anchor == Some(Anchor::of(record.message_id));
        }
        let frame = log.history.frame(record.seq_no).map(text_of);
        frame.is_some_and(|text| self.prefix.is_message(text, record.message_id, record.data))
    }

    /// Notes that the log is proved to have no message above the head and up to `seq_no` of this
    /// life.
    pub fn skip_to(&self, epoch: &Epoch<'_>, seq_no: u64) {
        let mut state = self.state.lock();
        let log = &mut state.log;
        if seq_no > log.head && log.epoch.as_str() == epoch.as_str() {
            log.head = seq_no;
            log.history.skip_to(seq_no);
            if let Some(following) = &mut log.following {
                following.anchor = None;
            }
        }
    }

    /// Ends continuity: the log continues behind `head`, and messages up to it that the topic has not
    /// taken are lost. Every subscriber is told. Returns the right to fan out, if it was free.
    pub fn lose(self: &Arc<Self>, head: Head<'_>) -> Option<FanOut<S>> {
        let Head { epoch, seq_no, message_id } = head;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let log = &mut state.log;
        let following = log.following.as_mut()?;
        (following.anchor, following.announced) = (message_id.map(Anchor::of), seq_no);
        if *log.epoch != epoch {
            log.epoch = Arc::new(epoch);
        }
        log.head = seq_no;
        self.change_history(state, |history| history.begin_again(seq_no));
        let State { log, roster, right, .. } = state;
        if roster.is_empty() {
            return None;
        }
        let told =
            ServerFrame::Subscribed(Subscribed::at(&self.name, seq_no, &log.epoch, Some(false)));
        let begin = log.pending.end();
        log.pending.put_notice(seq_no, |out| {
            const EXPECTED: usize = 200;
            put_text_frame(out, EXPECTED, |out| encode::put_frame(out, &told));
        });
        let is_mine = self.take_right(right, (log.pending.end() - begin) as usize);
        drop(guard);
        self.fan_out(is_mine)
    }
}

impl<S: Sink> Topic<S> {
    /// Lets the first of the frames that begin at `begin` of `out` continue from `known`: the log
    /// is proved to have no message between that number and the frame's.
    pub(super) fn continue_from(&self, known: u64, out: &mut Vec<u8>, begin: usize) {
        let Some((header, len)) = lengths(&out[begin..]) else { return };
        let (text, end) = (begin + header, begin + header + len);
        if let Some(text) = self.prefix.continuing_from(known, &out[text..end]) {
            let rest = out.split_off(end);
            out.truncate(begin);
            put_text_frame(out, text.len(), |out| out.extend_from_slice(&text));
            out.extend_from_slice(&rest);
        }
    }
}

/// The lengths of header and text of the first of these frames, as [`put_text_frame`] makes them:
/// unmasked, in one piece.
fn lengths(frames: &[u8]) -> Option<(usize, usize)> {
    Some(match *frames.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(*frames.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*frames.get(2..)?.first_chunk()?).try_into().ok()?),
        short => (2, usize::from(short)),
    })
}

/// The text of a frame.
fn text_of(frame: &[u8]) -> &[u8] {
    lengths(frame).and_then(|(header, _)| frame.get(header..)).unwrap_or_default()
}
