//! The gateway's counters, and the format in which Prometheus reads them. Nothing here names a topic, a user, a session
//! or an address.
//!
//! On the hot path a count is one addition to a cell that the thread has for itself ([`Sharded`]);
//! cells are summed when somebody asks. What exists anyway (connections, topics, bytes that wait)
//! is not counted but looked at then.
//!
//! | module | idea |
//! |---|---|
//! | `sharded` | a counter that threads do not share |
//! | [`meter`] | what is counted where it happens |
//! | [`exposition`] | the text format |
//! | [`histogram`] | durations by size |
//! | `process` | the process as the system sees it |

pub mod exposition;
pub mod histogram;
pub mod meter;
pub(crate) mod process;
mod sharded;

pub use meter::{Meter, Pause, Reloaded};
pub use sharded::Sharded;
