//! A short run of the benchmarks, which counts its rows as tests, a short soak, and a fleet whose
//! parts break. With further arguments, which are the benchmarks', the latter two are left out.

use anyhow::Result;

use super::Tally;
use crate::{bench, process};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    process::announce("bench");
    let (status, lines) = bench::quick(arguments)?;
    let rows = Tally::of(status, &lines);
    if !arguments.is_empty() {
        return Ok(rows);
    }
    let (status, lines) = bench::quick_soak()?;
    let soak = Tally::of(status, &lines);
    let (status, lines) = bench::quick_fleet()?;
    Ok(rows + soak + Tally::of(status, &lines))
}
