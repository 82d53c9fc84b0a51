//! Readings of the gateway's process, from the kernel and from its own `/metrics`.

use super::http;
use crate::side::Server;
use anyhow::{Context, Result};
use std::{collections::HashMap, fs, time::Duration};

/// Metrics that must be zero when all clients have left and everything has expired.
pub(super) const EMPTY_AT_REST: [&str; 8] = [
    "micro_socket_connections",
    "micro_socket_subscriptions",
    "micro_socket_topics",
    "micro_socket_topics_known",
    "micro_socket_sessions",
    "micro_socket_history_bytes",
    "micro_socket_dedup_keys",
    "micro_socket_send_queue_bytes",
];

/// The metric of the tasks of the gateway's runtime.
pub(super) const TASKS: &str = "micro_socket_tasks";

/// The readings at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Vitals {
    /// Bytes of memory that the process holds (RSS).
    pub(super) memory: u64,
    /// The same, with shared memory divided among its users (PSS).
    pub(super) proportional: u64,
    pub(super) fds: usize,
    pub(super) threads: usize,
    pub(super) cpu: Duration,
    /// The values of `/metrics`, by name and labels.
    pub(super) metrics: HashMap<String, f64>,
}

impl Vitals {
    /// Takes one reading. The connection for it is part of the reading.
    pub(super) async fn of(server: &Server) -> Result<Self> {
        let pid = server.id();
        let metrics =
            metrics(&String::from_utf8(http::get(server.target.address, "/metrics").await?.body)?);
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
            .context("the gateway has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Self {
            memory: 1024 * number(&memory, "Rss:")?,
            proportional: 1024 * number(&memory, "Pss:")?,
            fds: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
            threads: usize::try_from(number(&status, "Threads:")?)?,
            cpu: server.processes.cpu()?,
            metrics,
        })
    }

    pub(super) fn metric(&self, name: &str) -> f64 {
        self.metrics.get(name).copied().unwrap_or(f64::NAN)
    }

    /// The metrics of [`EMPTY_AT_REST`] that are not zero, in words.
    pub(super) fn left_over(&self) -> Vec<String> {
        let left = EMPTY_AT_REST
            .iter()
            .map(|name| (name, self.metric(name)))
            .filter(|(_, value)| *value != 0.0);
        left.map(|(name, value)| format!("{name} is {value}")).collect()
    }
}

fn number(text: &str, name: &str) -> Result<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("no {name}"))?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}

pub(crate) fn metrics(text: &str) -> HashMap<String, f64> {
    let samples =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_rest() -> Vitals {
        Vitals {
            metrics: EMPTY_AT_REST.iter().map(|name| ((*name).to_owned(), 0.0)).collect(),
            ..Vitals::default()
        }
    }

    #[test]
    fn what_is_left_over_is_named_and_so_is_what_is_not_told() {
        let mut vitals = at_rest();
        assert!(vitals.left_over().is_empty());
        vitals.metrics.insert("micro_socket_sessions".to_owned(), 2.0);
        vitals.metrics.remove("micro_socket_dedup_keys");
        assert_eq!(
            vitals.left_over(),
            ["micro_socket_sessions is 2", "micro_socket_dedup_keys is NaN"]
        );
    }

    #[test]
    fn samples_are_read_with_their_labels() {
        let found = metrics("# HELP a b\n# TYPE a gauge\na 3\nb_total{code=\"4290\"} 7\n");
        assert_eq!(
            found,
            HashMap::from([("a".to_owned(), 3.0), ("b_total{code=\"4290\"}".to_owned(), 7.0)])
        );
        assert_eq!(number("Rss:   12 kB\nPss: 3 kB", "Pss:").unwrap(), 3);
    }
}
