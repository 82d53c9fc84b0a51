//! Starting other programs: each is announced, and none fails silently.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Prints a line that stands out from what the programs print.
pub(crate) fn announce(what: &str) {
    println!("\n=== {what}");
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or ends with another status than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
