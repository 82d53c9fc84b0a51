//! Starting other programs: each is announced, and none fails silently.

use std::{
    io::{BufRead, BufReader, Read},
    iter,
    process::{Command, ExitStatus, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};

/// Prints a line that stands out from what the programs print.
pub(crate) fn announce(what: &str) {
    println!("\n=== {what}");
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or says that it failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = announced(command);
    let status = command.status().with_context(|| cannot_start(&line))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// Runs a program to its end, showing each line as it comes and keeping it, those of both outputs.
///
/// # Errors
/// When it cannot be started. Whether it failed is for the caller to see.
pub(crate) fn watch(command: &mut Command) -> Result<(ExitStatus, Vec<String>)> {
    let line = announced(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(&line))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let lines = thread::scope(|scope| {
        let errors = scope.spawn(move || stderr.map(echo).unwrap_or_default());
        let mut lines = stdout.map(echo).unwrap_or_default();
        let errors = errors.join().map_err(|_| anyhow!("a reader of `{line}` panicked"))?;
        lines.extend(errors);
        anyhow::Ok(lines)
    })?;
    Ok((child.wait()?, lines))
}

/// What a program prints, if it is there and succeeds.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.trim().to_owned())
}

fn echo(output: impl Read) -> Vec<String> {
    BufReader::new(output)
        .split(b'\n')
        .map_while(Result::ok)
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .inspect(|line| println!("{line}"))
        .collect()
}

/// Prints the command as one would type it, and returns that.
fn announced(command: &Command) -> String {
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let line = words.join(" ");
    println!("$ {line}");
    line
}

fn cannot_start(line: &str) -> String {
    format!("cannot start `{line}`")
}
