//! The last messages of one topic, encoded as they were sent, so that a replay copies bytes and
//! nothing else.
//!
//! They lie in segments of some kilobytes: no allocation for each message, and a message costs its
//! frame and eight bytes. The oldest goes first, by number, bytes or age, message by message;
//! memory follows segment by segment.

use crate::{clock::Micros, grain::Grain};
use std::{collections::VecDeque, time::Duration};

/// A segment is closed once it has this many bytes. In tests small, so that there are many.
const SEGMENT_BYTES: Grain = Grain { usual: 16 * 1024, fine: 300 };

/// How much of a topic is kept. What is reached first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages; 0: no history.
    pub messages: usize,
    /// Since the publish.
    pub age: Duration,
    /// Bytes of the frames as they are sent.
    pub bytes: usize,
}

impl Limits {
    /// Nothing is kept.
    pub const NONE: Self = Self { messages: 0, age: Duration::ZERO, bytes: 0 };

    fn keep_nothing(&self) -> bool {
        self.messages == 0 || self.bytes == 0 || self.age.is_zero()
    }
}

/// How much one batch of a replay may carry.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes; one message always goes.
    pub bytes: usize,
    /// Messages, at least one.
    pub messages: usize,
}

#[derive(Debug)]
pub(super) struct History {
    limits: Limits,
    segments: VecDeque<Segment>,
    /// The number of the oldest message that is kept, or of the next one.
    first: u64,
    /// The number of the next message.
    next: u64,
    /// Bytes of the frames that are kept.
    bytes: usize,
    /// Bytes of memory.
    footprint: usize,
}

#[derive(Debug)]
struct Segment {
    /// The number of its first message, kept or not.
    first: u64,
    began: Micros,
    frames: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where its frame ends in the segment.
    end: u32,
    /// When it came, in milliseconds after the segment began.
    after: u32,
}

impl Segment {
    fn footprint(&self) -> usize {
        size_of::<Self>() + self.frames.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.entries[before].end as usize)
    }

    fn came(&self, index: usize) -> Micros {
        Micros(self.began.0 + u64::from(self.entries[index].after) * 1000)
    }

    /// Gives up the first `count` messages.
    fn cut(&mut self, count: usize) {
        let bytes = self.start_of(count);
        self.frames.drain(..bytes);
        self.frames.shrink_to_fit();
        self.entries.drain(..count);
        self.entries.shrink_to_fit();
        self.entries.iter_mut().for_each(|entry| entry.end -= bytes as u32);
        self.first += count as u64;
    }
}

impl History {
    /// Empty; the first message will have the number 1.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, segments: VecDeque::new(), first: 1, next: 1, bytes: 0, footprint: 0 }
    }

    /// Lets go of everything; the next message will be the one behind `head`.
    pub(super) fn begin_again(&mut self, head: u64) {
        *self = Self { first: head + 1, next: head + 1, ..Self::new(self.limits) };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == self.next
    }

    /// Whether a message would be kept at all.
    pub(super) fn keeps(&self) -> bool {
        !self.limits.keep_nothing()
    }

    /// Bytes of memory that it takes.
    pub(super) fn footprint(&self) -> usize {
        self.footprint
    }

    /// Whether every message behind `seq_no` is there.
    pub(super) fn reaches(&self, seq_no: u64) -> bool {
        seq_no + 1 >= self.first && seq_no < self.next
    }

    /// The position in front of the newest `count` messages, or of all messages if fewer are kept.
    pub(super) fn before_newest(&self, count: u64) -> u64 {
        (self.next - 1).saturating_sub(count).max(self.first - 1)
    }

    /// When the oldest message will have to go.
    pub(super) fn due(&self) -> Option<Micros> {
        let segment = self.segments.front()?;
        Some(segment.came(self.skip(segment)).after(self.limits.age))
    }

    /// Takes the next message: `write` appends its frame, about `expected` bytes.
    pub(super) fn put(&mut self, now: Micros, expected: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.next += 1;
        if !self.keeps() {
            self.first = self.next;
            return;
        }
        let segment = match self.segments.back_mut() {
            Some(last) if last.frames.len() < SEGMENT_BYTES.get() => last,
            _ => {
                let segment = Segment {
                    first: self.next - 1,
                    began: now,
                    frames: Vec::new(),
                    entries: Vec::new(),
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
        let after = u32::try_from(now.0.saturating_sub(segment.began.0) / 1000).unwrap_or(u32::MAX);
        segment.entries.push(Entry { end: segment.frames.len() as u32, after });
        self.bytes += segment.frames.len() - start;
        if segment.frames.len() >= SEGMENT_BYTES.get() {
            segment.frames.shrink_to_fit();
            segment.entries.shrink_to_fit();
        }
        self.footprint = self.footprint + segment.footprint() - before;
        self.trim(now);
    }

    /// Lets go of what is over the limits at this moment.
    pub(super) fn trim(&mut self, now: Micros) {
        while !self.is_empty() && self.is_over(now) {
            self.drop_first();
        }
        self.free();
    }

    fn is_over(&self, now: Micros) -> bool {
        let count = (self.next - self.first) as usize;
        count > self.limits.messages
            || self.bytes > self.limits.bytes
            || self.due().is_some_and(|due| due <= now)
    }

    /// Lets go of everything in the oldest segment, whatever the limits.
    pub(super) fn drop_oldest(&mut self) {
        if let Some(segment) = self.segments.front() {
            let end = segment.first + segment.entries.len() as u64;
            while self.first < end {
                self.drop_first();
            }
            self.free();
        }
    }

    fn drop_first(&mut self) {
        let Some(segment) = self.segments.front() else { return };
        let index = self.skip(segment);
        self.bytes -= segment.entries[index].end as usize - segment.start_of(index);
        self.first += 1;
        if index + 1 == segment.entries.len() {
            self.footprint -= segment.footprint();
            self.segments.pop_front();
        }
    }

    /// Gives back the memory of messages that are not kept any more, where it is more than what is
    /// kept.
    fn free(&mut self) {
        let first = self.first;
        let Some(segment) = self.segments.front_mut() else {
            self.segments = VecDeque::new();
            return;
        };
        let skip = (first - segment.first) as usize;
        if skip > 0 && segment.start_of(skip) * 2 >= segment.frames.len() {
            let before = segment.footprint();
            segment.cut(skip);
            self.footprint = self.footprint + segment.footprint() - before;
        }
    }

    /// How many messages of the front segment are not kept any more.
    fn skip(&self, front: &Segment) -> usize {
        (self.first - front.first) as usize
    }

    /// Appends the messages behind `seq_no`, as many as `budget` allows. Returns how many.
    /// Everything behind `seq_no` has to be there: see [`History::reaches`].
    pub(super) fn copy_after(&self, seq_no: u64, budget: Budget, out: &mut Vec<u8>) -> usize {
        let mut copied = 0;
        let from = self
            .segments
            .partition_point(|segment| segment.first + segment.entries.len() as u64 <= seq_no + 1);
        let start = out.len();
        for segment in self.segments.range(from..) {
            let index = (seq_no + 1 + copied as u64 - segment.first) as usize;
            let begin = segment.start_of(index);
            let room = (begin + budget.bytes).saturating_sub(out.len() - start);
            let fitting =
                segment.entries[index..].partition_point(|entry| entry.end as usize <= room);
            let wanted = if copied == 0 { fitting.max(1) } else { fitting };
            let count = wanted.min(budget.messages - copied);
            out.extend_from_slice(&segment.frames[begin..segment.start_of(index + count)]);
            copied += count;
            if index + count < segment.entries.len() {
                break;
            }
        }
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENDLESS: Budget = Budget { bytes: usize::MAX / 2, messages: usize::MAX };

    #[derive(Debug, Clone)]
    enum Action {
        Put(usize),
        Wait(u64),
        DropOldest,
        Read(u64, usize, usize),
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            8 => (1..200usize).prop_map(Action::Put),
            2 => (0..40u64).prop_map(Action::Wait),
            1 => Just(Action::DropOldest),
            4 => (0..20u64, 1..900usize, 1..30usize).prop_map(|(back, bytes, messages)| Action::Read(back, bytes, messages)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Against the simplest history that there is: a list of all messages with their times.
        #[test]
        fn keeps_exactly_what_the_limits_allow(
            actions in prop::collection::vec(action(), 1..150),
            messages in 1..30usize,
            bytes in 100..2000usize,
        ) {
            let limits = Limits { messages, bytes, age: Duration::from_millis(100) };
            let mut history = History::new(limits);
            let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
            let (mut now, mut first) = (0, 1);
            for action in actions {
                match action {
                    Action::Put(len) => {
                        let frame = vec![all.len() as u8; len];
                        history.put(Micros(now * 1000), len, |out| out.extend_from_slice(&frame));
                        all.push((now, frame));
                    }
                    Action::Wait(millis) => {
                        now += millis;
                        history.trim(Micros(now * 1000));
                    }
                    Action::DropOldest => {
                        history.drop_oldest();
                        prop_assert!(history.first >= first);
                        first = history.first;
                    }
                    Action::Read(back, bytes, messages) => {
                        let after = (all.len() as u64).saturating_sub(back);
                        let reaches = after + 1 >= first;
                        prop_assert_eq!(history.reaches(after), reaches);
                        prop_assert_eq!(history.before_newest(back), after.max(first - 1));
                        if reaches {
                            let mut out = Vec::new();
                            let count = history.copy_after(after, Budget { bytes, messages }, &mut out);
                            let rest = &all[after as usize..];
                            let expected: Vec<u8> = rest.iter().take(count).flat_map(|(_, frame)| frame.clone()).collect();
                            prop_assert_eq!(&out, &expected);
                            prop_assert!(count <= messages && (out.len() <= bytes || count <= 1));
                            let is_full = count == rest.len() || count == messages || out.len() + rest[count].1.len() > bytes;
                            prop_assert!(is_full, "a batch that stops early");
                        }
                    }
                }
                let kept = |first: u64| all[first as usize - 1..].iter().map(|(_, frame)| frame.len()).sum::<usize>();
                while (first as usize) <= all.len()
                    && (all.len() + 1 - first as usize > limits.messages || kept(first) > limits.bytes || all[first as usize - 1].0 + 100 <= now)
                {
                    first += 1;
                }
                prop_assert_eq!((history.first, history.bytes), (first, kept(first)));
                prop_assert_eq!(history.footprint, history.segments.iter().map(Segment::footprint).sum::<usize>());
                let spare = SEGMENT_BYTES.get() + 2 * 200 + history.segments.len() * size_of::<Segment>() + 20 * history.segments.iter().map(|s| s.entries.len()).sum::<usize>();
                prop_assert!(history.footprint <= 2 * history.bytes + 2 * spare, "{} for {}", history.footprint, history.bytes);
            }
            now += 100;
            history.trim(Micros(now * 1000));
            prop_assert!(history.is_empty() && history.footprint == 0 && history.bytes == 0);
            prop_assert_eq!(history.copy_after(all.len() as u64, ENDLESS, &mut Vec::new()), 0);
        }
    }
}
