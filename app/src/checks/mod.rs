//! What the page proves while frames pass: a [`Ledger`] of what was seen, and the strip that shows
//! it.

mod ledger;
mod strip;

pub(crate) use ledger::{Findings, Ledger};
pub(crate) use strip::Checks;
