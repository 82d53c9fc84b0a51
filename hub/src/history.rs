//! The last messages of one topic, encoded as they were sent, so that a replay only copies bytes.
//!
//! They are stored in segments of some kilobytes: a message needs no allocation, and takes its
//! frame and eight bytes. The oldest messages are dropped first, by number, bytes or age, one by
//! one; memory is freed segment by segment.
//!
//! Numbers are consecutive until proven otherwise: only a segment with a gap between two of its
//! messages has a column of numbers. A broker gives such numbers if several topics share a stream.

use crate::{clock::Micros, grain::Grain};
use std::{collections::VecDeque, time::Duration};

/// A segment is closed once it has this many bytes. Small in tests, so that a history has many
/// segments.
const SEGMENT_BYTES: Grain = Grain { usual: 16 * 1024, fine: 300 };

/// How much of a topic is kept. The limit that is reached first applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages; 0 turns history off.
    pub messages: usize,
    /// The time since the publish.
    pub age: Duration,
    /// Bytes of the frames as they are sent.
    pub bytes: usize,
}

impl Limits {
    /// Keeps nothing.
    pub const NONE: Self = Self { messages: 0, age: Duration::ZERO, bytes: 0 };

    /// Keeps everything.
    pub(super) const ALL: Self =
        Self { messages: usize::MAX, age: Duration::from_secs(u32::MAX as u64), bytes: usize::MAX };

    fn keep_nothing(&self) -> bool {
        self.messages == 0 || self.bytes == 0 || self.age.is_zero()
    }
}

/// The size of one batch of a replay.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes; a single message may exceed it.
    pub bytes: usize,
    /// Messages, at least one.
    pub messages: usize,
}

/// The result of copying one batch of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) messages: usize,
    /// The position behind the batch: the last message's number, or the head if no more messages
    /// follow.
    pub(super) last: u64,
    /// The number of the last message, if there is one.
    pub(super) newest: Option<u64>,
}

#[derive(Debug)]
pub(super) struct History {
    limits: Limits,
    segments: VecDeque<Segment>,
    /// Every message above this number is kept.
    floor: u64,
    /// The number of the newest message, kept or not.
    head: u64,
    /// Messages in the front segment that were dropped already.
    skip: u32,
    /// Messages in the history.
    messages: u32,
    /// Bytes of their frames.
    bytes: usize,
    /// Bytes of memory that the segments take.
    footprint: usize,
}

#[derive(Debug)]
struct Segment {
    /// The number of its first message, dropped or not.
    first: u64,
    began: Micros,
    frames: Vec<u8>,
    entries: Vec<Entry>,
    /// The messages' numbers, if they are not consecutive.
    #[expect(clippy::box_collection, reason = "8 bytes instead of 24 in each dense segment")]
    numbers: Option<Box<Vec<u64>>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The end of its frame in the segment.
    end: u32,
    /// When it was published, in milliseconds after the beginning of the segment.
    after: u32,
}

impl Segment {
    fn footprint(&self) -> usize {
        let numbers = |numbers: &Vec<u64>| size_of::<Vec<u64>>() + numbers.capacity() * 8;
        size_of::<Self>()
            + self.frames.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.numbers.as_deref().map_or(0, numbers)
    }

    fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.entries[before].end as usize)
    }

    fn came(&self, index: usize) -> Micros {
        Micros(self.began.0 + u64::from(self.entries[index].after) * 1000)
    }

    fn number(&self, index: usize) -> u64 {
        match &self.numbers {
            None => self.first + index as u64,
            Some(numbers) => numbers[index],
        }
    }

    fn last(&self) -> u64 {
        self.entries.len().checked_sub(1).map_or(self.first, |last| self.number(last))
    }

    /// How many of its messages have a number of at most `seq_no`.
    fn up_to(&self, seq_no: u64) -> usize {
        match &self.numbers {
            None => ((seq_no + 1).saturating_sub(self.first) as usize).min(self.entries.len()),
            Some(numbers) => numbers.partition_point(|&number| number <= seq_no),
        }
    }

    /// Records the number of the next message.
    fn number_next(&mut self, seq_no: u64) {
        let next = self.first + self.entries.len() as u64;
        match &mut self.numbers {
            None if seq_no == next => {}
            None => {
                self.numbers = Some(Box::new((self.first..next).chain([seq_no]).collect()));
            }
            Some(numbers) => numbers.push(seq_no),
        }
    }

    /// Removes the first `count` messages.
    fn cut(&mut self, count: usize) {
        let bytes = self.start_of(count);
        self.first = self.number(count);
        self.frames.drain(..bytes);
        self.entries.drain(..count);
        if let Some(numbers) = self.numbers.as_deref_mut() {
            numbers.drain(..count);
        }
        self.entries.iter_mut().for_each(|entry| entry.end -= bytes as u32);
        self.shrink();
    }

    fn shrink(&mut self) {
        self.frames.shrink_to_fit();
        self.entries.shrink_to_fit();
        if let Some(numbers) = self.numbers.as_deref_mut() {
            numbers.shrink_to_fit();
        }
    }
}

impl History {
    /// An empty history, before a topic's first message.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            segments: VecDeque::new(),
            floor: 0,
            head: 0,
            skip: 0,
            messages: 0,
            bytes: 0,
            footprint: 0,
        }
    }

    /// Drops everything; the next message has a number above `head`.
    pub(super) fn begin_again(&mut self, head: u64) {
        *self = Self { floor: head, head, ..Self::new(self.limits) };
    }

    /// How many messages are kept.
    pub(super) fn len(&self) -> usize {
        self.messages as usize
    }

    /// The limits of this history.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Whether a message would be kept at all.
    pub(super) fn keeps(&self) -> bool {
        !self.limits.keep_nothing()
    }

    /// Bytes of memory that the history takes.
    pub(super) fn footprint(&self) -> usize {
        self.footprint
    }

    /// The number above which every message is kept.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether every message behind `seq_no` is kept.
    pub(super) fn reaches(&self, seq_no: u64) -> bool {
        seq_no >= self.floor && seq_no <= self.head
    }

    /// The number of the newest message, kept or not; or, if the log was proved to have no further
    /// message up to a number, that number.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// As [`History::reaches`], and also that `seq_no` is below the head.
    pub(super) fn reaches_below_head(&self, seq_no: u64) -> bool {
        self.reaches(seq_no) && seq_no < self.head
    }

    /// Notes that no message exists above the head and up to `seq_no`.
    pub(super) fn skip_to(&mut self, seq_no: u64) {
        self.head = self.head.max(seq_no);
    }

    /// The position in front of the newest `count` messages, or of all messages if fewer are kept.
    pub(super) fn before_newest(&self, count: u64) -> u64 {
        let Some(drop) = u64::from(self.messages).checked_sub(count).filter(|drop| *drop > 0)
        else {
            return self.floor;
        };
        // The number of the newest message that is not among them.
        let mut index = drop as usize - 1 + self.skip as usize;
        for segment in &self.segments {
            if index < segment.entries.len() {
                return segment.number(index);
            }
            index -= segment.entries.len();
        }
        self.head
    }

    /// The frame of this message, if it is kept.
    pub(super) fn frame(&self, seq_no: u64) -> Option<&[u8]> {
        let at = self.segments.partition_point(|segment| segment.last() < seq_no);
        let segment = self.segments.get(at)?;
        let index = segment.up_to(seq_no).checked_sub(1)?;
        let is_there = segment.number(index) == seq_no && seq_no > self.floor;
        is_there.then(|| &segment.frames[segment.start_of(index)..segment.start_of(index + 1)])
    }

    /// When the oldest message reaches its age.
    pub(super) fn due(&self) -> Option<Micros> {
        let segment = self.segments.front()?;
        Some(segment.came(self.skip as usize).after(self.limits.age))
    }

    /// Appends a message that was published at `came`: `write` appends its frame, of about
    /// `expected` bytes. `seq_no` must be above the number of the newest message.
    pub(super) fn put(
        &mut self,
        seq_no: u64,
        came: Micros,
        expected: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        debug_assert!(seq_no > self.head);
        self.head = seq_no;
        if !self.keeps() {
            self.floor = seq_no;
            return;
        }
        let segment = match self.segments.back_mut() {
            Some(last) if last.frames.len() < SEGMENT_BYTES.get() => last,
            _ => {
                let segment = Segment {
                    first: seq_no,
                    began: came,
                    frames: Vec::new(),
                    entries: Vec::new(),
                    numbers: None,
                };
                self.footprint += segment.footprint();
                self.segments.push_back(segment);
                let Some(last) = self.segments.back_mut() else { return };
                last
            }
        };
        let (before, start) = (segment.footprint(), segment.frames.len());
        segment.frames.reserve(expected);
        write(&mut segment.frames);
        segment.number_next(seq_no);
        let after = u32::try_from(came.0.saturating_sub(segment.began.0) / 1000);
        segment
            .entries
            .push(Entry { end: segment.frames.len() as u32, after: after.unwrap_or(u32::MAX) });
        self.messages += 1;
        self.bytes += segment.frames.len() - start;
        if segment.frames.len() >= SEGMENT_BYTES.get() {
            segment.shrink();
        }
        self.footprint = self.footprint + segment.footprint() - before;
        self.trim(came);
    }

    /// Drops the messages that are over the limits at the moment `now`.
    pub(super) fn trim(&mut self, now: Micros) {
        while !self.is_empty() && self.is_over(now) {
            self.drop_first();
        }
        self.free();
    }

    fn is_over(&self, now: Micros) -> bool {
        self.messages as usize > self.limits.messages
            || self.bytes > self.limits.bytes
            || self.due().is_some_and(|due| due <= now)
    }

    /// Drops all messages of the oldest segment, whatever the limits are.
    pub(super) fn drop_oldest(&mut self) {
        if let Some(segment) = self.segments.front() {
            for _ in self.skip as usize..segment.entries.len() {
                self.drop_first();
            }
            self.free();
        }
    }

    fn drop_first(&mut self) {
        let Some(segment) = self.segments.front() else { return };
        let index = self.skip as usize;
        self.bytes -= segment.entries[index].end as usize - segment.start_of(index);
        self.floor = segment.number(index);
        self.messages -= 1;
        self.skip += 1;
        if index + 1 == segment.entries.len() {
            self.footprint -= segment.footprint();
            self.segments.pop_front();
            self.skip = 0;
        }
    }

    /// Frees the memory of dropped messages, if it is more than that of the kept ones.
    fn free(&mut self) {
        let skip = self.skip as usize;
        let Some(segment) = self.segments.front_mut() else {
            self.segments = VecDeque::new();
            return;
        };
        if skip > 0 && segment.start_of(skip) * 2 >= segment.frames.len() {
            let before = segment.footprint();
            segment.cut(skip);
            self.skip = 0;
            self.footprint = self.footprint + segment.footprint() - before;
        }
    }

    /// Appends the frames of the messages behind `seq_no`, as many as `budget` allows. Everything
    /// behind `seq_no` must be kept: see [`History::reaches`].
    pub(super) fn copy_after(&self, seq_no: u64, budget: Budget, out: &mut Vec<u8>) -> Copied {
        let mut copied = Copied { messages: 0, last: seq_no, newest: None };
        let from = self.segments.partition_point(|segment| segment.last() <= seq_no);
        let start = out.len();
        for segment in self.segments.range(from..) {
            let index = segment.up_to(copied.last);
            let begin = segment.start_of(index);
            let room = (begin + budget.bytes).saturating_sub(out.len() - start);
            let fitting =
                segment.entries[index..].partition_point(|entry| entry.end as usize <= room);
            let wanted = if copied.messages == 0 { fitting.max(1) } else { fitting };
            let count = wanted.min(budget.messages - copied.messages);
            if count == 0 {
                break;
            }
            out.extend_from_slice(&segment.frames[begin..segment.start_of(index + count)]);
            let newest = segment.number(index + count - 1);
            copied =
                Copied { messages: copied.messages + count, last: newest, newest: Some(newest) };
            if index + count < segment.entries.len() {
                return copied;
            }
        }
        let is_last = self.segments.back().is_none_or(|segment| segment.last() <= copied.last);
        if is_last { Copied { last: self.head, ..copied } } else { copied }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Action {
        /// The length of the message, and how many numbers are left out before it.
        Put(usize, u64),
        Wait(u64),
        DropOldest,
        /// How many numbers before the head to begin at, and the budget.
        Read(u64, usize, usize),
    }

    fn action() -> impl Strategy<Value = Action> {
        let gap = prop_oneof![8 => Just(0), 1 => 1..5u64];
        let read = (0..20u64, 1..900usize, 1..30usize);
        prop_oneof![
            8 => (1..200usize, gap).prop_map(|(len, gap)| Action::Put(len, gap)),
            2 => (0..40u64).prop_map(Action::Wait),
            1 => Just(Action::DropOldest),
            4 => read.prop_map(|(back, bytes, messages)| Action::Read(back, bytes, messages)),
        ]
    }

    /// A message in the model.
    #[derive(Debug)]
    struct Known {
        number: u64,
        time: u64,
        frame: Vec<u8>,
    }

    const AGE: u64 = 100;

    /// The model: a list of all messages with their times.
    #[derive(Debug)]
    struct Plain {
        all: Vec<Known>,
        /// How many of the messages were dropped.
        dropped: usize,
    }

    impl Plain {
        fn kept(&self) -> &[Known] {
            &self.all[self.dropped..]
        }

        fn bytes(&self) -> usize {
            self.kept().iter().map(|known| known.frame.len()).sum()
        }

        fn head(&self) -> u64 {
            self.all.last().map_or(0, |known| known.number)
        }

        fn floor(&self) -> u64 {
            self.dropped.checked_sub(1).map_or(0, |last| self.all[last].number)
        }

        fn trim(&mut self, limits: Limits, now: u64) {
            while let Some(oldest) = self.kept().first()
                && (self.kept().len() > limits.messages
                    || self.bytes() > limits.bytes
                    || oldest.time + AGE <= now)
            {
                self.dropped += 1;
            }
        }

        fn before_newest(&self, count: u64) -> u64 {
            let kept = self.kept();
            match kept.len().checked_sub(count as usize).filter(|drop| *drop > 0) {
                Some(drop) => kept[drop - 1].number,
                None => self.floor(),
            }
        }
    }

    fn check_read(history: &History, plain: &Plain, after: u64, budget: Budget) {
        let is_kept = after >= plain.floor();
        assert_eq!(history.reaches(after), is_kept);
        if !is_kept {
            return;
        }
        let mut out = Vec::new();
        let copied = history.copy_after(after, budget, &mut out);
        let rest: Vec<_> = plain.kept().iter().filter(|known| known.number > after).collect();
        let (sent, left) = rest.split_at(copied.messages);
        assert_eq!(copied.last, sent.last().map_or(after, |known| known.number));
        assert_eq!(out, sent.iter().flat_map(|known| known.frame.clone()).collect::<Vec<_>>());
        assert!(copied.messages <= budget.messages);
        assert!(out.len() <= budget.bytes || copied.messages <= 1);
        let is_full = left.first().is_none_or(|next| {
            copied.messages == budget.messages || out.len() + next.frame.len() > budget.bytes
        });
        assert!(is_full, "a batch that ends early");
    }

    fn check(history: &History, plain: &Plain) {
        let bytes = plain.bytes();
        assert_eq!(
            (history.floor, history.head, history.bytes),
            (plain.floor(), plain.head(), bytes)
        );
        assert_eq!(history.messages as usize, plain.kept().len());
        let segments = &history.segments;
        assert_eq!(history.footprint, segments.iter().map(Segment::footprint).sum::<usize>());
        let entries = segments.iter().map(|segment| segment.entries.len()).sum::<usize>();
        let spare =
            SEGMENT_BYTES.get() + 2 * 200 + segments.len() * size_of::<Segment>() + 40 * entries;
        assert!(history.footprint <= 2 * bytes + 2 * spare, "{} for {bytes}", history.footprint);
        for known in &plain.all {
            let kept = (known.number > plain.floor()).then_some(&*known.frame);
            assert_eq!(history.frame(known.number), kept);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn keeps_exactly_what_the_limits_allow(
            actions in prop::collection::vec(action(), 1..150),
            messages in 1..30usize,
            bytes in 100..2000usize,
        ) {
            let limits = Limits { messages, bytes, age: Duration::from_millis(AGE) };
            let mut history = History::new(limits);
            let mut plain = Plain { all: Vec::new(), dropped: 0 };
            let mut now = 0;
            for action in actions {
                match action {
                    Action::Put(len, gap) => {
                        let (number, frame) = (plain.head() + 1 + gap, vec![plain.all.len() as u8; len]);
                        history.put(number, Micros(now * 1000), len, |out| out.extend_from_slice(&frame));
                        plain.all.push(Known { number, time: now, frame });
                    }
                    Action::Wait(millis) => {
                        now += millis;
                        history.trim(Micros(now * 1000));
                    }
                    Action::DropOldest => {
                        history.drop_oldest();
                        prop_assert!(history.floor >= plain.floor());
                        while plain.floor() < history.floor {
                            plain.dropped += 1;
                        }
                    }
                    Action::Read(back, bytes, messages) => {
                        let after = plain.head().saturating_sub(back);
                        check_read(&history, &plain, after, Budget { bytes, messages });
                        prop_assert_eq!(history.before_newest(back), plain.before_newest(back));
                    }
                }
                plain.trim(limits, now);
                check(&history, &plain);
            }
            history.trim(Micros((now + AGE) * 1000));
            prop_assert!(history.is_empty() && history.footprint == 0 && history.bytes == 0);
        }

        /// A topic in memory pays nothing for what brokers need.
        #[test]
        fn consecutive_numbers_have_no_column(lens in prop::collection::vec(1..200usize, 1..50), head in 0..9u64) {
            let mut history = History::new(Limits::ALL);
            history.begin_again(head);
            for (i, len) in lens.iter().enumerate() {
                history.put(head + 1 + i as u64, Micros(0), *len, |out| out.resize(out.len() + len, 0));
            }
            prop_assert!(history.segments.iter().all(|segment| segment.numbers.is_none()));
        }
    }

    #[test]
    fn a_history_is_small() {
        assert_eq!((size_of::<History>(), size_of::<Segment>()), (104, 72));
    }
}
