//! How finely work and memory are divided. Small parts show every seam between two of them to a
//! test with few clients and messages.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static IS_FINE: AtomicBool = AtomicBool::new(cfg!(test));

/// Divides everything in this process into small parts from now on, for tests of whole programs.
/// A setting of the process and not of a directory, so that the sizes cost a topic no memory.
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
