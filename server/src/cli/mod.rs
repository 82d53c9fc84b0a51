//! The commands besides `serve` and `check`, one file each, and how a process speaks that must not
//! be held up.

pub(crate) mod client;
pub(crate) mod keys;
mod line;
pub(crate) mod publish;
pub(crate) mod say;
pub(crate) mod sub;
pub(crate) mod token;
