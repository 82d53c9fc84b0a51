//! The quick run of the benchmarks, which counts its rows as tests.

use anyhow::Result;

use super::Tally;
use crate::{bench, process};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    process::announce("bench");
    let (status, lines) = bench::quick(arguments)?;
    Ok(Tally::of(status, &lines))
}
