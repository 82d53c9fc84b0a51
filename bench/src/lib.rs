//! Benchmarks: *sides* (servers) do the same *work* in turns. A *row* of the report is a piece of
//! work, the sides that do it, and what the gateway is to reach. Every subscriber checks every
//! number: a side that loses, repeats or reorders a message fails its row.
//!
//! What counts is the CPU time of the server's process, so that neither the load generator nor what
//! else the machine does is in it, and ratios of figures of the same round.

pub mod client;
pub mod figure;
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

/// Allows this process, and what it starts, as many open files as the system does.
///
/// # Errors
/// When the system refuses.
pub fn open_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}
