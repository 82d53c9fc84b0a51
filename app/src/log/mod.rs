//! Every frame both ways, on one wire. `store` and what it relies on is plain data and tested as such; the rest shows it.

pub(crate) mod clock;
pub(crate) mod entry;
mod export;
mod filter;
mod matching;
mod store;
mod summary;
mod window;
