//! Benchmarks: *sides* (servers) do the same *work* in turns. A *row* of the report is a piece of
//! work, the sides that do it, and the gateway's goals. Every subscriber checks every number: a
//! side that loses, repeats or reorders a message fails its row.
//!
//! The figures are the CPU time of the server's process, which includes neither the load generator
//! nor other work of the machine, and ratios of figures of the same round.

pub mod capacity;
pub mod client;
pub mod figure;
pub mod fleet;
pub mod goal;
pub mod measure;
pub mod plan;
pub mod report;
pub mod run;
pub mod side;
pub mod soak;
mod socket;
pub mod wire;
pub mod work;

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files of this process, and of those that it starts, to the system's.
///
/// # Errors
/// If the system refuses.
pub fn open_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}
