//! What the page proves from the frames it sees: a [`Ledger`] keeps the observations, and the strip
//! shows them.

mod ledger;
mod strip;

pub(crate) use ledger::{Findings, Ledger};
pub(crate) use strip::Checks;
