//! Which records of a partition are repeats. Every gateway decides for itself, and all decide alike:
//! the rule depends on the log alone, and only on what lies within a window before a record.
//!
//! A record is a repeat if a record with its key, be that a repeat or not, lies before it by less
//! than a window, and by less than `max_keys` messages. A record's time is the latest that the log
//! has had up to it, so times never go back.
//!
//! A reader that begins at the first record that is not older than T knows enough for every record
//! from T plus a window on: all that it has not read is older than T. In the window between, a key
//! that it sees for the first time may be a repeat or not ([`Verdict::Unsure`]).

use super::key::Key;
use crate::dedup::Place;
use hub::topic::Name;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first one with its key.
    First,
    /// A repeat. If the first one was not read, the place is that of the oldest one that was.
    Repeat(Place),
    /// What decides on it may not have been read.
    Unsure,
}

/// The keys of the last window: at most `max_keys` of them, the oldest out first.
#[derive(Debug)]
pub(super) struct Repeats {
    window: u64,
    max_keys: usize,
    /// Everything that was not read is older; `None`: everything was read.
    begin: Option<u64>,
    /// The latest time of the log up to here, in milliseconds since 1970.
    latest: u64,
    /// Messages of the last window in their order, with their times.
    messages: VecDeque<(Key, u64)>,
    /// How many were taken out of `messages`.
    dropped: u64,
    by_key: HashMap<Key, Seen, ahash::RandomState>,
}

#[derive(Debug)]
struct Seen {
    /// The newest message with this key, counted from the first one that was read.
    at: u64,
    first: Place,
}

impl Repeats {
    /// For a reader that has read everything that is not older than `begin`, in milliseconds since
    /// 1970; everything if it is `None`.
    pub(super) fn new(window: Duration, max_keys: usize, begin: Option<u64>) -> Self {
        Self {
            window: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            max_keys,
            begin,
            latest: 0,
            messages: VecDeque::new(),
            dropped: 0,
            by_key: HashMap::default(),
        }
    }

    /// A record of this time was read, with or without a key.
    pub(super) fn pass(&mut self, time: u64) {
        self.latest = self.latest.max(time);
    }

    /// Whether what has been read decides on what comes next.
    pub(super) fn is_sure(&self) -> bool {
        self.begin.is_none_or(|begin| self.latest >= begin.saturating_add(self.window))
    }

    /// Decides on the next message.
    pub(super) fn judge(&mut self, key: Key, time: u64, topic: &Arc<Name>, seq_no: u64) -> Verdict {
        self.pass(time);
        self.forget();
        let at = self.dropped + self.messages.len() as u64;
        self.messages.push_back((key, self.latest));
        let is_sure = self.is_sure();
        match self.by_key.get_mut(&key) {
            Some(seen) => {
                seen.at = at;
                Verdict::Repeat(seen.first.clone())
            }
            None => {
                let first = Place { topic: topic.clone(), seq_no };
                self.by_key.insert(key, Seen { at, first });
                if is_sure { Verdict::First } else { Verdict::Unsure }
            }
        }
    }

    fn forget(&mut self) {
        while let Some((key, time)) = self.messages.front()
            && (time.saturating_add(self.window) <= self.latest
                || self.messages.len() > self.max_keys.saturating_sub(1))
        {
            if self.by_key.get(key).is_some_and(|seen| seen.at == self.dropped) {
                self.by_key.remove(key);
            }
            self.messages.pop_front();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: u64 = 100;

    fn repeats(max_keys: usize, begin: Option<u64>) -> Repeats {
        Repeats::new(Duration::from_millis(WINDOW), max_keys, begin)
    }

    fn topic() -> Arc<Name> {
        Arc::new(Name::new("prices").unwrap())
    }

    #[test]
    fn a_repeat_is_known_for_a_window_after_the_last_one() {
        let (mut repeats, topic) = (repeats(10, None), topic());
        let mut judge = |time, seq_no| repeats.judge([1; 16], time, &topic, seq_no);
        let repeat = Verdict::Repeat(Place { topic: topic.clone(), seq_no: 1 });
        assert_eq!(judge(1_000, 1), Verdict::First);
        assert_eq!(judge(1_099, 2), repeat);
        assert_eq!(judge(1_198, 3), repeat, "a window after the repeat");
        assert_eq!(judge(1_298, 4), Verdict::First);
    }

    #[test]
    fn at_the_limit_the_oldest_key_goes_first() {
        let (mut repeats, topic) = (repeats(2, None), topic());
        let mut judge = |key: u8, seq_no| repeats.judge([key; 16], 0, &topic, seq_no);
        for (key, seq_no) in [(1, 1), (2, 2), (3, 3), (1, 4)] {
            assert_eq!(judge(key, seq_no), Verdict::First);
        }
        assert!(matches!(judge(3, 5), Verdict::First | Verdict::Repeat(_)));
        assert!(repeats.by_key.len() <= 2 && repeats.messages.len() <= 2);
    }

    /// What a reader from the record at `from` says of each record from there.
    fn read(log: &[(u8, u64)], max_keys: usize, from: usize, begin: Option<u64>) -> Vec<Verdict> {
        let (mut repeats, topic) = (repeats(max_keys, begin), topic());
        let numbered = log.iter().zip(1..).skip(from);
        numbered
            .map(|((key, time), seq_no)| repeats.judge([*key; 16], *time, &topic, seq_no))
            .collect()
    }

    /// The rule as its words say it.
    fn is_repeat(log: &[(u8, u64)], max_keys: usize, at: usize) -> bool {
        let time = |at: usize| log[..=at].iter().map(|(_, time)| *time).max().unwrap();
        let within = at.saturating_sub(max_keys.saturating_sub(1));
        (within..at).any(|before| log[before].0 == log[at].0 && time(at) - time(before) < WINDOW)
    }

    proptest! {
        #[test]
        fn readers_that_begin_at_different_places_agree(
            // Times go on by some milliseconds, and now and then back.
            steps in proptest::collection::vec((0_u8..6, -20_i64..40), 1..80),
            begin in 0_u64..2_000,
            max_keys in 1_usize..12,
        ) {
            let mut time = 500_i64;
            let log: Vec<_> = steps.into_iter().map(|(key, step)| {
                time = (time + step).max(0);
                (key, time as u64)
            }).collect();
            let whole = read(&log, max_keys, 0, None);
            for (at, verdict) in whole.iter().enumerate() {
                prop_assert_eq!(matches!(verdict, Verdict::Repeat(_)), is_repeat(&log, max_keys, at), "{}", at);
            }
            // As a broker looks up a time: the first record that is not older.
            let Some(from) = log.iter().position(|(_, time)| *time >= begin) else { return Ok(()) };
            let later = read(&log, max_keys, from, Some(begin));
            for (at, (found, truth)) in later.iter().zip(&whole[from..]).enumerate() {
                match found {
                    Verdict::Unsure => {
                        let latest = log[..=from + at].iter().map(|(_, time)| *time).max().unwrap();
                        prop_assert!(latest < begin + WINDOW, "behind the first window");
                    }
                    found => prop_assert_eq!(
                        matches!(found, Verdict::Repeat(_)), matches!(truth, Verdict::Repeat(_)), "{}", from + at
                    ),
                }
            }
        }
    }
}
