//! The CPU time and memory of a server's processes, read from the kernel (Linux): CPU time from
//! their clocks, which count user and system time in nanoseconds, memory from `/proc`.

use anyhow::{Context, Result};
use nix::{time::clock_getcpuclockid, unistd::Pid};
use std::{fs, time::Duration};

/// A process and its children at the time of the call.
#[derive(Clone, Debug)]
pub struct Processes(Vec<Pid>);

impl Processes {
    /// This process alone.
    pub fn this() -> Self {
        Self(vec![Pid::this()])
    }

    /// `root` and all its descendants.
    ///
    /// # Errors
    /// If it has ended.
    pub fn of(root: u32) -> Result<Self> {
        let mut all = vec![root];
        let mut next = 0;
        while let Some(&parent) = all.get(next) {
            let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
                .context("the process has gone")?;
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            next += 1;
        }
        all.into_iter()
            .map(|pid| Ok(Pid::from_raw(pid.try_into()?)))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Adds the processes of `other`.
    pub fn join(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// User and system time so far.
    ///
    /// # Errors
    /// If one of them has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let one = |pid: &Pid| anyhow::Ok(Duration::from(clock_getcpuclockid(*pid)?.now()?));
        self.0.iter().map(one).sum::<Result<Duration>>().context("the server has gone")
    }

    /// The memory that they hold now, in bytes.
    ///
    /// # Errors
    /// If one of them has ended.
    pub fn memory(&self) -> Result<u64> {
        let one = |pid: &Pid| {
            let status =
                fs::read_to_string(format!("/proc/{pid}/status")).context("the server has gone")?;
            let line =
                status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
            let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
            anyhow::Ok(kib * 1024)
        };
        self.0.iter().map(one).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_as_cpu_time_and_memory() {
        let this = Processes::this();
        let (cpu, memory) = (this.cpu().unwrap(), this.memory().unwrap());
        let content: Vec<u64> = (0..4_000_000).collect();
        assert!(this.cpu().unwrap() > cpu);
        assert!(this.memory().unwrap() > memory + 16_000_000, "{}", content.len());
    }
}
