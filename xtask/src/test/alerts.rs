//! The alerts of `deploy/prometheus/`, with their own tests, by promtool.

use std::process::Command;

use anyhow::Result;

use super::Tally;
use crate::{process, setup, workspace};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    setup::promtool()?;
    let promtool = || {
        let mut promtool = Command::new("promtool");
        promtool.current_dir(workspace::root().join("deploy/prometheus"));
        promtool
    };
    process::run(promtool().args(["check", "config", "prometheus.yml"]))?;
    process::run(promtool().args(["test", "rules"]).args(arguments).arg("alerts.test.yml"))?;
    Ok(Tally::SUCCESS)
}
