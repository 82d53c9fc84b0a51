//! The report: a page in Markdown, with a chart for each row.

mod chart;
mod page;

use crate::{
    plan::Scale,
    run::{Outcome, RowResult},
    side::{Environment, Side},
};
use anyhow::Result;
use std::{fs, path::Path};

/// Writes `REPORT.md` and `charts/*.svg` into the folder.
///
/// # Errors
/// If they cannot be written.
pub fn write(
    folder: &Path,
    results: &[RowResult],
    environment: &Environment,
    scale: Scale,
    rounds: usize,
) -> Result<()> {
    let charts = folder.join("charts");
    fs::create_dir_all(&charts)?;
    for result in results {
        if let Some(chart) = chart::of(result) {
            fs::write(charts.join(format!("{}.svg", result.row.name)), chart)?;
        }
    }
    fs::write(folder.join("REPORT.md"), page::page(results, environment, scale, rounds))?;
    Ok(())
}

/// The number of rows that the gateway did not complete.
pub fn failed(results: &[RowResult]) -> usize {
    let broke = |(side, outcome): &(Side, Outcome)| side.is_own() && outcome.measured().is_none();
    results.iter().filter(|result| result.outcomes.iter().any(broke)).count()
}
