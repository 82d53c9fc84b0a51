//! The commands besides `serve` and `check`, one file each.

pub(crate) mod keys;
pub(crate) mod token;
