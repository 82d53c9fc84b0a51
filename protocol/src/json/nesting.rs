//! The brackets that are open at the reader's position.

use super::Expected;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Object,
    Array,
}

impl Bracket {
    pub(super) fn opening(self) -> u8 {
        match self {
            Self::Object => b'{',
            Self::Array => b'[',
        }
    }

    pub(super) fn closing(self) -> u8 {
        match self {
            Self::Object => b'}',
            Self::Array => b']',
        }
    }

    pub(super) fn comma_or_end(self) -> Expected {
        match self {
            Self::Object => Expected::CommaOrBrace,
            Self::Array => Expected::CommaOrBracket,
        }
    }
}

/// A stack of one bit per open bracket. The innermost 64 are kept in a word, so that only deeper
/// nesting allocates.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    /// The innermost bracket is the lowest bit; 1 means an object.
    word: u64,
    /// Full words of brackets further out.
    outer: Vec<u64>,
    depth: usize,
    deepest: usize,
}

const BITS: usize = u64::BITS as usize;

impl Nesting {
    pub(super) fn open(&mut self, bracket: Bracket) {
        if self.depth.is_multiple_of(BITS) && self.depth > 0 {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(bracket == Bracket::Object);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    pub(super) fn close(&mut self) {
        self.word >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(BITS)
            && let Some(word) = self.outer.pop()
        {
            self.word = word;
        }
    }

    pub(super) fn innermost(&self) -> Option<Bracket> {
        (self.depth > 0).then_some(if self.word & 1 == 1 {
            Bracket::Object
        } else {
            Bracket::Array
        })
    }

    /// The greatest number of brackets that were open at once.
    pub(super) fn deepest(&self) -> usize {
        self.deepest
    }
}
