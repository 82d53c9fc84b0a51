//! Gateway library.

pub mod page;
