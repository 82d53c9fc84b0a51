//! The CPU time that a process has used, from `/proc` (Linux).

use anyhow::{Context, Result};
use std::{fs, time::Duration};

/// What `/proc/PID/stat` counts in, on every Linux of today: `sysconf(_SC_CLK_TCK)`.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time of `pid` so far.
pub(crate) fn of(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("no such process")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields.get(11..13).context("an unknown /proc format")?.iter().map(|f| f.parse::<u64>()).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}
