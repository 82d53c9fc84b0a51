//! The report's text.

use super::chart;
use crate::{
    figure::{At, Key},
    goal::Verdict,
    measure::spread::Spread,
    plan::Scale,
    run::{Measured, Outcome, RowResult},
    side::{Environment, Side},
};
use std::{fmt::Write, fs};

pub(super) fn page(
    results: &[RowResult],
    environment: &Environment,
    scale: Scale,
    rounds: usize,
) -> String {
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
- All sides do the same work in turns (A B C, A B C, …), after a warm-up; rounds: {rounds}. A figure is the median, followed by the lowest and the highest. A ratio compares figures of the same round; the median of the rounds counts.
- The payload has 128 bytes, unless the row says otherwise. Each subscriber checks every number: a side that loses, repeats or reorders a message fails its row.
- Machines are noisy and differ: read ratios, not figures.
- Where the time is spent, and why goals are missed: [ANALYSIS.md](ANALYSIS.md). What it means for your load: [sizing](../docs/sizing.md). A soak: [SOAK.md](SOAK.md). Fleets: [FLEET.md](FLEET.md).

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
    format!(
        "{cores} cores of {}, Linux {}",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim()
    )
}

fn goals(results: &[RowResult]) -> String {
    let mut text = "## Goals\n\n| row | goal | measured | |\n|---|---|---|---|\n".to_owned();
    for result in results {
        for goal in &result.row.goals {
            let Verdict { goal, measured, met } = goal.judge(&result.outcomes);
            let verdict = match (measured, met) {
                (None, _) => "not measured",
                (_, true) => "met",
                (_, false) => "**missed**",
            };
            let measured = measured.map_or_else(|| "–".to_owned(), chart::number);
            let _ = writeln!(
                text,
                "| [{0}](#{0}) | {goal} | {measured} | {verdict} |",
                result.row.name
            );
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
    let keys = result
        .outcomes
        .iter()
        .find_map(|(_, outcome)| outcome.measured())
        .map(|measured| measured.keys())
        .unwrap_or_default();
    if !keys.is_empty() {
        let _ = write!(text, "\n\n![{}](charts/{}.svg)", row.title, row.name);
    }
    text + "\n\n" + &table(&result.outcomes, &keys) + "\n"
}

/// A line for each side, or for each case of each side.
fn table(outcomes: &[(Side, Outcome)], keys: &[Key]) -> String {
    let (mut columns, mut cases) = (Vec::new(), Vec::new());
    for key in keys {
        let (column, case) = match key.at {
            Some(At::Case(_)) => (Key { at: None, ..*key }, key.at),
            _ => (*key, None),
        };
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    let with_cases = cases.iter().any(Option::is_some);
    let mut text = if with_cases { "| side | case |" } else { "| side |" }.to_owned();
    columns.iter().for_each(|column| text += &format!(" {} |", heading(*column)));
    text += &format!(
        "\n|---|{}{}\n",
        if with_cases { "---|" } else { "" },
        "---:|".repeat(columns.len())
    );
    for (side, outcome) in outcomes {
        let side = side.name();
        match outcome {
            Outcome::Failed(reason) => text += &format!("| {side} | **failed**: {reason} |\n"),
            Outcome::Skipped(reason) => text += &format!("| {side} | skipped: {reason} |\n"),
            Outcome::Measured(measured) => {
                for case in &cases {
                    let name = case.map(|case| format!(" {case} |")).unwrap_or_default();
                    text += &format!("| {side} |{name}{}\n", cells(measured, &columns, *case));
                }
            }
        }
    }
    text
}

fn heading(key: Key) -> String {
    match key.metric.unit() {
        "" => key.to_string(),
        unit => format!("{key}, {unit}"),
    }
}

fn cells(measured: &Measured, columns: &[Key], case: Option<At>) -> String {
    let key = |column: &Key| Key { at: column.at.or(case), ..*column };
    columns
        .iter()
        .map(|column| measured.spread(key(column)).map_or_else(|| " – |".to_owned(), cell))
        .collect()
}

fn cell(Spread { low, median, high }: Spread) -> String {
    let spread = if low < high {
        format!(" ({} … {})", chart::number(low), chart::number(high))
    } else {
        String::new()
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        figure::{Figures, Metric},
        side::{GATEWAY, GATEWAY_1},
    };

    fn of(figures: Figures) -> String {
        let measured = Measured::new(vec![figures]);
        let keys = measured.keys();
        table(
            &[
                (GATEWAY, Outcome::Measured(measured)),
                (GATEWAY_1, Outcome::Failed("lost".to_owned())),
            ],
            &keys,
        )
    }

    #[test]
    fn sizes_are_columns_and_cases_are_lines() {
        let one = || Figures::from([(Metric::PerDelivery, 1.0)]);
        let mut sizes = Figures::default();
        sizes.add_at(At::Size(1), one());
        sizes.add_at(At::Size(10), one());
        assert_eq!(
            of(sizes),
            "| side | CPU per delivery at 1, µs | CPU per delivery at 10, µs |\n|---|---:|---:|\n\
             | Micro Socket | **1.00** | **1.00** |\n| Micro Socket, 1 worker | **failed**: lost |\n"
        );
        let mut cases = Figures::default();
        cases.add_at(At::Case("a"), one());
        cases.add_at(
            At::Case("b"),
            Figures::from([(Metric::PerDelivery, 1.0), (Metric::Dropped, 2.0)]),
        );
        assert_eq!(
            of(cases),
            "| side | case | CPU per delivery, µs | stalled readers given up |\n|---|---|---:|---:|\n\
             | Micro Socket | a | **1.00** | – |\n| Micro Socket | b | **1.00** | **2.00** |\n\
             | Micro Socket, 1 worker | **failed**: lost |\n"
        );
    }
}
