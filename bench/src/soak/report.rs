//! The report of a run, in Markdown.

use super::{Options, Seen, tally::Tally, verdict::mib, vitals::TASKS};
use std::fmt::Write;

pub(super) fn page(options: Options, tally: &Tally, seen: &Seen, violations: &[String]) -> String {
    let Seen { before, samples, after, time, cpu, own_cpu } = seen;
    let seconds = time.as_secs_f64();
    let share = |cpu: &std::time::Duration| {
        format!("{:.0} % of a core", 100.0 * cpu.as_secs_f64() / seconds)
    };
    let peak = samples.iter().map(|sample| sample.memory).max().unwrap_or(after.memory);
    let most = |name: &str| samples.iter().map(|sample| sample.metric(name)).fold(0.0, f64::max);
    let mut rows = vec![
        (
            "under load".to_owned(),
            format!("{seconds:.0} s, seed {}, rate {}", options.seed, options.rate),
        ),
        (
            "CPU of the gateway, of its clients".to_owned(),
            format!("{}, {}", share(cpu), share(own_cpu)),
        ),
    ];
    rows.extend(
        tally.lines().into_iter().map(|(name, count)| (name.to_owned(), count.to_string())),
    );
    rows.extend([
        (
            "memory (RSS) at rest before, at most, at rest afterwards".to_owned(),
            format!("{}, {}, {}", mib(before.memory), mib(peak), mib(after.memory)),
        ),
        (
            "PSS at rest before and afterwards".to_owned(),
            format!("{}, {}", mib(before.proportional), mib(after.proportional)),
        ),
        ("file descriptors before, at most, afterwards".to_owned(), {
            let most = samples.iter().map(|sample| sample.fds).max().unwrap_or(after.fds);
            format!("{}, {most}, {}", before.fds, after.fds)
        }),
        (
            "tasks before, at most, afterwards".to_owned(),
            format!("{}, {}, {}", before.metric(TASKS), most(TASKS), after.metric(TASKS)),
        ),
    ]);
    for (name, metric) in [
        ("connections", "micro_socket_connections"),
        ("topics known", "micro_socket_topics_known"),
        ("sessions that wait", "micro_socket_sessions_detached"),
        ("message ids", "micro_socket_dedup_keys"),
    ] {
        rows.push((format!("{name}, at most"), most(metric).to_string()));
    }
    rows.push(("history, at most".to_owned(), mib(most("micro_socket_history_bytes") as u64)));
    let mut text = "# Soak\n\nWritten by `cargo xtask soak --report`. One gateway with 2 workers and limits that are reached; all kinds of clients at once, each of which checks what it receives; then all clients leave, and nothing may be left.\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    if violations.is_empty() {
        text += "\nNo violation.\n";
    } else {
        text += "\n**Violations**\n\n";
        violations.iter().for_each(|violation| {
            let _ = writeln!(text, "- {violation}");
        });
    }
    text
}
