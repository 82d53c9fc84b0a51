//! A place in a slab in four bytes, also if there may be none.

use std::num::NonZeroU32;

/// The index of an entry in a slab. `Option<Slot>` is no larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(NonZeroU32);

impl Slot {
    /// The place with this index. Every limit of the configuration is below 2^32 - 1.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index as u32))
    }

    /// The slab's index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}
