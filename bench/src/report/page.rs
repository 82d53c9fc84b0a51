//! The report's text.

use super::chart;
use crate::{
    figure::Key,
    goal::Verdict,
    measure::spread::Spread,
    plan::Scale,
    run::{Outcome, RowResult},
    side::{Environment, Side},
};
use std::{fmt::Write, fs};

pub(super) fn page(results: &[RowResult], environment: &Environment, scale: Scale, rounds: usize) -> String {
    let mut text = introduction(scale, rounds);
    text += &goals(results);
    for result in results {
        text += &row(result);
    }
    text += &sides(results, environment);
    text
}

fn introduction(scale: Scale, rounds: usize) -> String {
    let quick = match scale {
        Scale::Full => "",
        Scale::Quick => {
            "\n**A quick run with debug builds, with a twentieth of the connections and messages that the titles name. It shows that everything works; its figures mean nothing.**\n"
        }
    };
    format!(
        "# Benchmarks
{quick}
Written by `cargo xtask bench`, on {}.

- **Server CPU** is user and system time of the server's process, read from the kernel; the load generator is not in it.
- All sides do the same work in turns (A B C, A B C, …), after a warm-up; rounds: {rounds}. A figure is the median, behind it the lowest and the highest. Ratios are those of figures of the same round, and their median.
- The payload has 128 bytes where nothing else is said. Each subscriber checks every number: a side that loses, repeats or reorders a message fails its row.
- Machines are noisy and differ: read ratios, not figures.
- What the time goes into, and what stands in the way where a goal is missed: [ANALYSIS.md](ANALYSIS.md). What it means for your load: [sizing](../docs/sizing.md). A soak: [SOAK.md](SOAK.md).

",
        machine()
    )
}

fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {}, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}

fn goals(results: &[RowResult]) -> String {
    let mut text = "## What is to be reached\n\n| row | goal | measured | |\n|---|---|---|---|\n".to_owned();
    for result in results {
        for goal in &result.row.goals {
            let Verdict { goal, measured, met } = goal.judge(&result.outcomes);
            let verdict = match (measured, met) {
                (None, _) => "not measured",
                (_, true) => "met",
                (_, false) => "**missed**",
            };
            let measured = measured.map_or_else(|| "–".to_owned(), chart::number);
            let _ = writeln!(text, "| [{0}](#{0}) | {goal} | {measured} | {verdict} |", result.row.name);
        }
    }
    text + "\n"
}

fn row(result: &RowResult) -> String {
    let row = &result.row;
    let mut text = format!("## {}\n\n{}.", row.name, row.title);
    if !row.note.is_empty() {
        let _ = write!(text, " {}", row.note);
    }
    let keys = result.outcomes.iter().find_map(|(_, outcome)| outcome.measured()).map(|measured| measured.keys()).unwrap_or_default();
    if !keys.is_empty() {
        let _ = write!(text, "\n\n![{}](charts/{}.svg)", row.title, row.name);
    }
    text += "\n\n| side |";
    for key in &keys {
        let _ = write!(text, " {} |", heading(*key));
    }
    let _ = write!(text, "\n|---|{}\n", "---:|".repeat(keys.len()));
    for (side, outcome) in &result.outcomes {
        let _ = writeln!(text, "| {} |{}", side.name(), cells(outcome, &keys));
    }
    text + "\n"
}

fn heading(key: Key) -> String {
    let unit = match key.metric.unit() {
        "" => String::new(),
        unit => format!(", {unit}"),
    };
    let at = key.at.map(|at| format!(" at {at}")).unwrap_or_default();
    format!("{}{at}{unit}", key.metric.name())
}

fn cells(outcome: &Outcome, keys: &[Key]) -> String {
    match outcome {
        Outcome::Failed(reason) => format!(" **failed**: {reason} |"),
        Outcome::Skipped(reason) => format!(" skipped: {reason} |"),
        Outcome::Measured(measured) => keys.iter().map(|key| measured.spread(*key).map_or_else(|| " – |".to_owned(), cell)).collect(),
    }
}

fn cell(Spread { low, median, high }: Spread) -> String {
    let spread = if low < high { format!(" ({} … {})", chart::number(low), chart::number(high)) } else { String::new() };
    format!(" **{}**{spread} |", chart::number(median))
}

fn sides(results: &[RowResult], environment: &Environment) -> String {
    let mut seen: Vec<Side> = Vec::new();
    for (side, _) in results.iter().flat_map(|result| &result.outcomes) {
        if !seen.contains(side) {
            seen.push(*side);
        }
    }
    let mut text = "## Sides\n\n| side | what it is |\n|---|---|\n".to_owned();
    for side in seen {
        let _ = writeln!(text, "| {} | {} |", side.name(), side.description(environment));
    }
    text
}
