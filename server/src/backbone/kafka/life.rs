//! The life of a partition's numbering. Numbers may be given a second time: a topic was deleted and
//! created again, a broker has lost its data, a disk was set back. The client library does not tell
//! Kafka's topic id, and the id says nothing of a disk that was set back, so the log itself names its
//! life: every record that a gateway writes *states* the life in which it was written.
//!
//! A life is a random word with a generation. A gateway that finds a log without a life, or finds
//! that numbers went back, *proposes* one of the next generation. The log's order decides: the first
//! proposal of a generation is that life, later ones of the same generation mean nothing.

use crate::chance;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::Epoch;
use ring::digest::{SHA256, digest};

const WORD: usize = 12;

/// One life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    generation: u32,
    word: [u8; WORD],
}

/// As a header.
pub(super) type Encoded = [u8; 4 + WORD];

impl Life {
    /// Another one, which follows this one; the first one if there is none.
    pub(super) fn after(before: Option<Self>) -> Self {
        let generation = before.map_or(0, |before| before.generation).saturating_add(1);
        Self { generation, word: chance::draw() }
    }

    pub(super) fn is_later_than(self, other: Self) -> bool {
        self.generation > other.generation
    }

    pub(super) fn encode(self) -> Encoded {
        let mut bytes = Encoded::default();
        bytes[..4].copy_from_slice(&self.generation.to_be_bytes());
        bytes[4..].copy_from_slice(&self.word);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (generation, word) = bytes.split_first_chunk::<4>()?;
        Some(Self { generation: u32::from_be_bytes(*generation), word: word.try_into().ok()? })
    }

    /// The epoch of a partition's topics in this life. With another number of partitions topics
    /// would be elsewhere.
    pub(super) fn epoch(self, name: &str, partitions: usize, partition: usize) -> Epoch<'static> {
        const BYTES: usize = 12;
        let place = format!("{name}\n{partitions}\n{partition}\n");
        let hash = digest(&SHA256, &[place.as_bytes(), &self.encode()].concat());
        let text = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..BYTES]);
        Epoch::new(text)
            .unwrap_or_else(|why| unreachable!("base64url is an epoch's alphabet: {why}"))
    }
}

/// What a log has said of its life, up to a place.
#[derive(Debug)]
pub(super) struct Lives {
    present: Option<Life>,
    /// A proposal was taken by a reader that may have begun behind an earlier one.
    is_provisional: bool,
    /// Nothing of the log lies before what was read.
    is_from_beginning: bool,
}

impl Lives {
    pub(super) fn new(is_from_beginning: bool) -> Self {
        Self { present: None, is_provisional: false, is_from_beginning }
    }

    pub(super) fn present(&self) -> Option<Life> {
        self.present
    }

    /// Whether all that the log has was read: if it names no life, it has none.
    pub(super) fn is_from_beginning(&self) -> bool {
        self.is_from_beginning
    }

    /// A record was written in this life.
    pub(super) fn state(&mut self, life: Life) {
        let is_new = self.present.is_none_or(|present| {
            life.is_later_than(present)
                || self.is_provisional && life.generation == present.generation
        });
        if is_new {
            self.present = Some(life);
            self.is_provisional = false;
        }
    }

    /// A gateway proposes this life.
    pub(super) fn propose(&mut self, life: Life) {
        let is_new = match self.present {
            Some(present) => life.is_later_than(present),
            None => self.is_from_beginning,
        };
        if is_new {
            self.present = Some(life);
            self.is_provisional = !self.is_from_beginning;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn life(generation: u32, word: u8) -> Life {
        Life { generation, word: [word; WORD] }
    }

    #[test]
    fn a_life_is_read_as_it_was_written() {
        let life = Life::after(Some(life(6, 1)));
        assert_eq!(life.generation, 7);
        assert_eq!(Life::decode(&life.encode()), Some(life));
        assert_eq!(Life::decode(b"short"), None);
        assert_ne!(life.epoch("a", 1, 0), life.epoch("a", 2, 0));
        assert_ne!(life.epoch("a", 2, 0), life.epoch("a", 2, 1));
    }

    #[test]
    fn the_first_proposal_of_a_generation_counts() {
        let mut lives = Lives::new(true);
        lives.propose(life(1, 1));
        lives.propose(life(1, 2));
        assert_eq!(lives.present(), Some(life(1, 1)));
        lives.state(life(1, 1));
        lives.propose(life(2, 3));
        lives.state(life(1, 1));
        assert_eq!(lives.present(), Some(life(2, 3)));
    }

    proptest! {
        /// Gateways write one after the other, each in the life that it has read up to some place
        /// before; readers begin anywhere.
        #[test]
        fn readers_agree_wherever_they_begin(
            steps in proptest::collection::vec((0_usize..3, 0_usize..4, any::<bool>()), 1..60),
            begin in 0_usize..60,
        ) {
            #[derive(Clone, Copy)]
            enum Entry { State(Life), Propose(Life) }
            let mut log: Vec<Entry> = Vec::new();
            let read = |log: &[Entry], from: usize| {
                let mut lives = Lives::new(from == 0);
                for entry in &log[from..] {
                    match entry { Entry::State(life) => lives.state(*life), Entry::Propose(life) => lives.propose(*life) }
                }
                lives.present()
            };
            // A gateway's view never goes back.
            let mut seen = [0_usize; 3];
            for (word, (gateway, lag, proposes)) in (1_u8..).zip(steps) {
                seen[gateway] = seen[gateway].max(log.len().saturating_sub(lag));
                let known = read(&log[..seen[gateway]], 0);
                log.push(match known {
                    Some(known) if !proposes => Entry::State(known),
                    known => {
                        let generation = known.map_or(0, |known| known.generation) + 1;
                        Entry::Propose(life(generation, word))
                    }
                });
            }
            let truth = read(&log, 0).unwrap();
            // All gateways learn of it, and say so.
            for _ in 0..3 { log.push(Entry::State(truth)); }
            let begin = begin.min(log.len() - 3);
            prop_assert_eq!(read(&log, begin), Some(truth));
        }
    }
}
