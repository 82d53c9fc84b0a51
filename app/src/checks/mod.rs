//! What the page proves from the frames it sees: a [`Tracker`] keeps the observations, and the strip
//! shows them.

mod strip;
mod tracker;

pub(crate) use strip::Checks;
pub(crate) use tracker::{Findings, Tracker};
