//! Starts other programs: each is announced, and no failure is silent.

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
/// If it cannot be started, or exits with a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = announced(command);
    let status = command.status().with_context(|| cannot_start(&line))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// Runs a program to its end, printing each line of both outputs as it comes and keeping it.
///
/// # Errors
/// If it cannot be started. A failed program is no error: the caller reads its status.
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

/// The output of a program, if it is installed and succeeds.
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

/// Prints the command as a user would type it, and returns that text.
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
