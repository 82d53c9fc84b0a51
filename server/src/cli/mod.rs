//! The commands besides `serve` and `check`, one file each, and how a process speaks that must not
//! be held up.

pub(crate) mod keys;
pub(crate) mod say;
pub(crate) mod token;
