//! The sizes into which work and memory are divided. With small parts, a test with few clients and
//! messages reaches every boundary between two parts.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static IS_FINE: AtomicBool = AtomicBool::new(cfg!(test));

/// Makes all parts in this process small from now on, for tests of whole programs. A setting of the
/// process and not of a directory, so that the sizes take no memory in a topic.
pub fn make_fine() {
    IS_FINE.store(true, Relaxed);
}

/// The size of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grain {
    pub(crate) usual: usize,
    pub(crate) fine: usize,
}

impl Grain {
    #[inline]
    pub(crate) fn get(self) -> usize {
        if IS_FINE.load(Relaxed) { self.fine } else { self.usual }
    }
}
