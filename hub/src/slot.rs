//! An index into a slab, in four bytes even if it is optional.

use std::num::NonZeroU32;

/// The index of an entry in a slab. `Option<Slot>` is no larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(NonZeroU32);

impl Slot {
    /// The slot of this index. Every limit of the configuration is below 2^32 - 1.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index as u32))
    }

    /// The index into the slab.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}
