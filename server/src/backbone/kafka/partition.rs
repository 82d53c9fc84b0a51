//! What this gateway knows of one partition: what its reader has read, decided and learnt. It
//! outlives connections.

use super::{
    heads::Heads,
    life::{Life, Lives},
    record::{Body, By, Entry},
    repeats::{Repeats, Verdict},
    settings::Settings,
};
use hub::topic::Name;
use parking_lot::Mutex;
use protocol::{Epoch, MessageId};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) index: usize,
    settings: Arc<Settings>,
    is_reachable: AtomicBool,
    pub(super) state: Mutex<State>,
}

/// No asynchronous operation runs while it is locked.
#[derive(Debug)]
pub(super) struct State {
    /// The next offset that is to be read: all before it was read, or lies before the begin.
    position: u64,
    /// Who wrote the record before `position`, if it was read.
    last: Option<By>,
    pub(super) adopted: Option<Adopted>,
    /// In the adopted life numbers were given a second time, or a gateway says so.
    has_ended: bool,
    phase: Phase,
    lives: Lives,
    repeats: Repeats,
    pub(super) heads: Heads,
    /// From this offset on it is known which records are repeats.
    sure_from: u64,
    /// The offsets of those repeats: at most as many as keys are remembered.
    rejected: VecDeque<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What was read is no beginning of the log: it has to be read anew.
    Stale,
    /// It is read anew.
    Begun,
    /// It is known what the log is.
    Settled,
}

/// The life in which the partition is read.
#[derive(Debug, Clone)]
pub(super) struct Adopted {
    pub(super) life: Life,
    pub(super) epoch: Arc<Epoch<'static>>,
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// It goes on at the record before `position`, which is compared.
    GoOn,
    /// It reads from this offset, with everything that is not older than `time` (milliseconds since
    /// 1970); `low` is the first offset that the log has.
    At { offset: u64, low: u64, time: u64 },
}

/// What a record is for its topic.
#[derive(Debug)]
pub(super) enum Taken {
    /// Nothing: it was read before, or it is no message.
    Nothing,
    /// A message.
    Message { topic: Arc<Name>, prev: u64, verdict: Verdict },
}

/// The reader cannot go on: it has to be settled anew what the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log is not the one that was read before")]
pub(super) struct Unsettled;

/// What has to be done before the partition is settled.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing. `is_new`: topics have to be told of their heads.
    Settled { is_new: bool },
    /// This life has to be proposed.
    Propose(Life),
    /// Too little was read: everything has to be.
    ReadAll,
}

impl Partition {
    pub(super) fn new(index: usize, settings: Arc<Settings>) -> Self {
        let state = Mutex::new(State {
            position: 0,
            last: None,
            adopted: None,
            has_ended: false,
            phase: Phase::Stale,
            lives: Lives::new(false),
            repeats: Repeats::new(settings.window, settings.max_keys, None),
            heads: Heads::new(0, settings.max_topics),
            sure_from: 0,
            rejected: VecDeque::new(),
        });
        Self { index, settings, is_reachable: AtomicBool::new(false), state }
    }

    pub(super) fn set_reachable(&self, is_reachable: bool) {
        self.is_reachable.store(is_reachable, Relaxed);
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Relaxed)
    }

    pub(super) fn position(&self) -> u64 {
        self.state.lock().position
    }

    /// The life in which records are written; `None`: it is not settled yet.
    pub(super) fn life(&self) -> Option<Life> {
        self.state.lock().adopted.as_ref().map(|adopted| adopted.life)
    }

    pub(super) fn epoch(&self) -> Option<Arc<Epoch<'static>>> {
        self.state.lock().adopted.as_ref().map(|adopted| adopted.epoch.clone())
    }

    /// The adopted life has ended.
    pub(super) fn end_life(&self) {
        self.state.lock().has_ended = true;
    }

    /// Whether what was read is a beginning of a log that has these offsets, the first one and the
    /// next one that will be given. Otherwise has to be read anew.
    pub(super) fn can_go_on(&self, (low, high): (u64, u64)) -> bool {
        let mut state = self.state.lock();
        if state.adopted.is_some() && high < state.position {
            state.has_ended = true;
        }
        let is_kept = state.position > low || state.position == 0 && low == 0;
        state.phase == Phase::Settled && !state.has_ended && is_kept
    }

    /// The offset to read from.
    pub(super) fn begin(&self, begin: Begin) -> u64 {
        let mut state = self.state.lock();
        match begin {
            Begin::GoOn => state.position.saturating_sub(1),
            Begin::At { offset, low, time } => {
                let Settings { window, max_keys, max_topics, .. } = *self.settings;
                state.phase = Phase::Begun;
                state.position = offset;
                state.last = None;
                state.lives = Lives::new(offset == low);
                // What the log has dropped is older than a window, if it keeps as much as it should.
                let unread = (offset > low).then_some(time);
                state.repeats = Repeats::new(window, max_keys, unread);
                state.heads = Heads::new(offset, max_topics);
                state.sure_from = offset;
                state.rejected.clear();
                offset
            }
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// [`Unsettled`]
    pub(super) fn take(&self, entry: &Entry<'_>) -> Result<Taken, Unsettled> {
        let state = &mut *self.state.lock();
        if entry.offset < state.position {
            let is_last = entry.offset + 1 == state.position;
            if is_last && state.last.is_some() && state.last != entry.by {
                state.has_ended = true;
                return Err(Unsettled);
            }
            return Ok(Taken::Nothing);
        }
        if entry.offset > state.position {
            // The log has dropped what comes next.
            state.phase = Phase::Stale;
            return Err(Unsettled);
        }
        state.position += 1;
        state.last = entry.by;
        state.repeats.pass(entry.time);
        if let Some(life) = entry.life {
            state.lives.state(life);
        }
        if let Body::NewLife(life) = entry.body {
            state.lives.propose(life);
        }
        let taken = match &entry.body {
            Body::Message(message) => {
                let topic = state.heads.name(&message.topic);
                let seq_no = entry.seq_no();
                let verdict = state.repeats.judge(message.key, entry.time, &topic, seq_no);
                let prev = state.heads.head(&message.topic).0;
                match &verdict {
                    Verdict::Repeat(_) => {
                        state.rejected.push_back(entry.offset);
                        if state.rejected.len() > self.settings.max_keys
                            && let Some(oldest) = state.rejected.pop_front()
                        {
                            state.sure_from = oldest + 1;
                        }
                    }
                    Verdict::First | Verdict::Unsure => {
                        let is_sure = verdict == Verdict::First;
                        let id = is_sure.then(|| message.message_id.clone().into_owned());
                        state.heads.put(&topic, seq_no, id);
                    }
                }
                Taken::Message { topic, prev, verdict }
            }
            Body::NewLife(_) | Body::Barrier | Body::Foreign => Taken::Nothing,
        };
        if !state.repeats.is_sure() {
            state.sure_from = state.position;
        }
        let is_another = state.adopted.as_ref().is_some_and(|adopted| {
            state.lives.present().is_some_and(|present| present.is_later_than(adopted.life))
        });
        if state.phase == Phase::Settled && is_another {
            state.phase = Phase::Stale;
            return Err(Unsettled);
        }
        Ok(taken)
    }

    /// Finds out the life, after a record of this gateway has come back.
    pub(super) fn settle(&self) -> Next {
        let state = &mut *self.state.lock();
        let before = state.adopted.as_ref().map(|adopted| adopted.life);
        let is_new = state.phase != Phase::Settled;
        let is_whole = state.lives.is_from_beginning();
        if !is_whole && (state.lives.present().is_none() || !state.repeats.is_sure()) {
            return Next::ReadAll;
        }
        let found = match (before, state.lives.present()) {
            (Some(before), Some(found)) if found.is_later_than(before) => found,
            // All that was said of the life has expired.
            (Some(before), None) if !state.has_ended => before,
            (Some(before), Some(found)) if !state.has_ended && found == before => before,
            // The numbers of that life were given a second time, or the log was set back to a time
            // before it.
            (Some(before), _) => return Next::Propose(Life::after(Some(before))),
            (None, Some(found)) => found,
            (None, None) => return Next::Propose(Life::after(None)),
        };
        let epoch = found.epoch(&self.settings.name, self.settings.shards, self.index);
        state.adopted = Some(Adopted { life: found, epoch: Arc::new(epoch) });
        state.has_ended = false;
        state.phase = Phase::Settled;
        Next::Settled { is_new }
    }
}

impl State {
    /// From this offset on [`State::is_rejected`] knows.
    pub(super) fn sure_from(&self) -> u64 {
        self.sure_from
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the record there is a repeat.
    pub(super) fn is_rejected(&self, offset: u64) -> bool {
        self.rejected.binary_search(&offset).is_ok()
    }

    pub(super) fn head(&self, topic: &Name) -> (u64, Option<MessageId<'static>>) {
        let (seq_no, message_id) = self.heads.head(topic);
        (seq_no, message_id.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::record::Read, *};
    use crate::config::Config;
    use protocol::Topic;

    const GATEWAY: [u8; 8] = [7; 8];

    fn partition() -> Partition {
        Partition::new(0, Arc::new(Settings::new(&Config::default())))
    }

    fn entry(offset: u64, life: Option<Life>, body: Body<'static>) -> Entry<'static> {
        let by = Some(By { gateway: GATEWAY, ticket: offset });
        Entry { partition: 0, offset, time: 1_000_000, by, life, body }
    }

    fn message(key: u8) -> Body<'static> {
        let topic = Topic::new("prices").unwrap();
        let message_id = MessageId::new("m").unwrap();
        Body::Message(Read { topic, key: [key; 16], message_id, data: "1" })
    }

    const ALL: Begin = Begin::At { offset: 0, low: 0, time: 0 };

    /// One that has read a log of some records, with the life that it begun.
    fn settled() -> (Partition, Life) {
        let partition = partition();
        assert!(!partition.can_go_on((0, 0)), "nothing was read");
        assert_eq!(partition.begin(ALL), 0);
        partition.take(&entry(0, None, Body::Barrier)).unwrap();
        let Next::Propose(life) = partition.settle() else { panic!("a log without a life") };
        partition.take(&entry(1, None, Body::NewLife(life))).unwrap();
        assert!(matches!(partition.settle(), Next::Settled { is_new: true }));
        for offset in 2..10 {
            partition.take(&entry(offset, Some(life), message(1))).unwrap();
        }
        assert_eq!((partition.position(), partition.life()), (10, Some(life)));
        (partition, life)
    }

    #[test]
    fn the_same_log_is_read_on_from_the_record_before() {
        let (partition, life) = settled();
        let epoch = partition.epoch();
        assert!(partition.can_go_on((0, 10)) && partition.can_go_on((9, 12)));
        assert_eq!(partition.begin(Begin::GoOn), 9);
        assert!(matches!(partition.take(&entry(9, Some(life), message(1))), Ok(Taken::Nothing)));
        partition.take(&entry(10, Some(life), Body::Barrier)).unwrap();
        assert!(matches!(partition.settle(), Next::Settled { is_new: false }));
        assert_eq!(partition.epoch(), epoch);
    }

    #[test]
    fn what_was_dropped_before_it_was_read_is_read_anew_in_the_same_life() {
        let (partition, life) = settled();
        assert!(!partition.can_go_on((10, 20)), "the record before is gone");
        let (jumping, _) = settled();
        assert!(jumping.take(&entry(12, Some(life), message(1))).is_err());
        assert!(!jumping.can_go_on((0, 20)));
        partition.begin(Begin::At { offset: 15, low: 15, time: 0 });
        partition.take(&entry(15, Some(life), Body::Barrier)).unwrap();
        assert!(matches!(partition.settle(), Next::Settled { is_new: true }));
        assert_eq!(partition.life(), Some(life));
        assert_eq!(partition.state.lock().head(&Topic::new("prices").unwrap()), (15, None));
    }

    #[test]
    fn numbers_that_went_back_begin_another_life() {
        for gone_back in [
            // The next offset is lower.
            |partition: &Partition, _: Life| assert!(!partition.can_go_on((0, 9))),
            // Another record stands where one was read.
            |partition: &Partition, life: Life| {
                assert!(partition.can_go_on((0, 20)));
                let mut other = entry(9, Some(life), message(1));
                other.by = Some(By { gateway: [8; 8], ticket: 9 });
                assert!(partition.take(&other).is_err());
            },
            // A broker has stored a record before what was read.
            |partition: &Partition, _: Life| partition.end_life(),
        ] {
            let (partition, life) = settled();
            gone_back(&partition, life);
            assert!(!partition.can_go_on((0, 20)));
            partition.begin(ALL);
            partition.take(&entry(0, Some(life), Body::Barrier)).unwrap();
            let Next::Propose(next) = partition.settle() else { panic!("the life has ended") };
            assert!(next.is_later_than(life));
            // Another gateway was faster.
            let faster = Life::after(Some(life));
            partition.take(&entry(1, Some(life), Body::NewLife(faster))).unwrap();
            partition.take(&entry(2, Some(life), Body::NewLife(next))).unwrap();
            assert!(matches!(partition.settle(), Next::Settled { is_new: true }));
            assert_eq!(partition.life(), Some(faster));
            assert!(partition.can_go_on((0, 20)));
        }
    }

    #[test]
    fn a_life_that_another_gateway_has_begun_ends_the_session() {
        let (partition, life) = settled();
        let next = Life::after(Some(life));
        assert!(partition.take(&entry(10, Some(life), Body::NewLife(next))).is_err());
        assert!(!partition.can_go_on((0, 20)), "the log may be another one");
        let (partition, _) = settled();
        assert!(partition.take(&entry(10, Some(next), message(1))).is_err());
    }

    #[test]
    fn repeats_are_remembered_from_where_they_are_known() {
        let (partition, life) = settled();
        let mut state = partition.state.lock();
        assert_eq!(state.sure_from(), 0);
        assert!(!state.is_rejected(2) && (3..10).all(|offset| state.is_rejected(offset)));
        assert_eq!(state.head(&Topic::new("prices").unwrap()).0, 3, "a repeat is no head");
        drop(state);
        // In the middle of a log, a window has to pass.
        partition.begin(Begin::At { offset: 5, low: 0, time: 950_000 });
        partition.take(&entry(5, Some(life), message(2))).unwrap();
        assert!(matches!(partition.settle(), Next::ReadAll));
        state = partition.state.lock();
        assert_eq!(state.sure_from(), 6);
        assert_eq!(state.head(&Topic::new("prices").unwrap()), (6, None), "it may be a repeat");
    }
}
