//! The log on standard error. No token, session id or payload at any level: a connection is named
//! by its number, a session by its [`alias`]. (In demo mode the user's id is the token, so no user
//! is named either.)
//!
//! It never stops or holds up the service: lines wait in a bounded [`queue`] for a thread that does
//! nothing but write them.
//!
//! | module | idea |
//! |---|---|
//! | [`level`] | what is logged |
//! | [`repeats`] | warnings that repeat are counted instead |
//! | [`line`] | what may stand in a line |
//! | [`queue`], [`writer`] | lines on their way to standard error |
//! | [`left_out`] | what the log tells of itself |
//! | [`panics`] | panics are lines of the log |

mod alias;
mod left_out;
mod level;
mod line;
mod panics;
mod queue;
mod repeats;
mod writer;

use crate::config::{self, LogFormat};
use queue::Queue;
use repeats::Repeats;
use std::{
    io::{self, IsTerminal, Write, stderr},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    field::MakeExt,
    fmt::{self, MakeWriter, format::debug_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

pub(crate) use alias::alias;
pub use level::set_level;

/// How long a process that ends waits for the last lines to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines of this process, once its log has been started.
static LINES: OnceLock<Arc<Queue>> = OnceLock::new();

/// A log that has been started. Dropped, it waits until the last lines are written, for a second at
/// most, and takes no more.
#[must_use]
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    repeats: Repeats,
}

impl Log {
    /// Starts the log of this process, which panics go to as well. Only the first one in a process
    /// gets lines.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(config: &config::Log) -> io::Result<Self> {
        let log = Self { queue: Arc::new(Queue::new(config.queue)), repeats: Repeats::default() };
        let (queue, repeats) = (log.queue.clone(), log.repeats.clone());
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer::run(&queue, &repeats, stderr()))?;
        let lines = Lines {
            queue: log.queue.clone(),
            format: config.format,
            is_terminal: stderr().is_terminal(),
        };
        let registry = tracing_subscriber::registry()
            .with(level::filter(&config.level))
            .with(log.repeats.clone());
        if registry.with(lines.layer()).try_init().is_ok() {
            let _first = LINES.set(log.queue.clone());
            panics::go_to_the_log();
        }
        Ok(log)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        left_out::tell_repeats(&self.repeats);
        self.queue.close(PATIENCE);
    }
}

/// Lines that were lost so far, because too many waited or because they could not be written.
pub(crate) fn dropped_lines() -> u64 {
    LINES.get().map_or(0, |queue| queue.dropped())
}

/// Where `tracing` puts each line.
struct Lines {
    queue: Arc<Queue>,
    format: LogFormat,
    is_terminal: bool,
}

impl Lines {
    fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(self) -> Box<dyn Layer<S> + Send + Sync> {
        let Self { format, is_terminal, .. } = self;
        // An event that cannot be formatted would become a line in no format.
        let layer = fmt::layer().with_writer(self).log_internal_errors(false);
        match format {
            LogFormat::Text => layer
                .with_ansi(is_terminal)
                .fmt_fields(debug_fn(line::field).delimited(" "))
                .boxed(),
            LogFormat::Json => layer
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .boxed(),
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// It is handed one whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.queue.push(match self.format {
            LogFormat::Text => text.as_bytes().into(),
            LogFormat::Json => line::json(&text).as_bytes().into(),
        });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use queue::Next;
    use serde_json::Value;
    use std::{
        process::{Command, Stdio},
        time::Instant,
    };

    /// What becomes of the events of `log`.
    fn logged(format: LogFormat, log: impl Fn()) -> Vec<String> {
        let queue = Arc::new(Queue::new(10));
        let lines = Lines { queue: queue.clone(), format, is_terminal: false };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.layer()), log);
        let next = || match queue.next(Instant::now()) {
            Next::Line(line) => Some(String::from_utf8(line.into()).unwrap()),
            Next::Nothing | Next::Closed => None,
        };
        std::iter::from_fn(next).collect()
    }

    /// As a client may send it, to look like a line of the gateway's own.
    const FORGED: &str =
        "x\n2026-01-01T00:00:00Z  WARN micro_socket: all is lost\r\u{1b}[2J\u{2028}";

    #[test]
    fn an_event_is_one_line_whatever_a_client_has_sent() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = logged(format, || {
                tracing::warn!(error = %FORGED, text = FORGED, number = 7, "{FORGED}");
                tracing::warn!(error = %FORGED.repeat(100_000), "too long");
            });
            assert_eq!(lines.len(), 2);
            for line in lines {
                let content = line.strip_suffix('\n').unwrap();
                assert!(
                    content.len() < 20_000
                        && !content.contains(|char: char| char.is_control() || char == '\u{2028}'),
                    "{line}"
                );
                if format == LogFormat::Json {
                    let event: Value = serde_json::from_str(&line).unwrap();
                    assert_eq!(event["level"], "WARN");
                    assert!(event["error"].as_str().unwrap().starts_with(FORGED));
                }
            }
        }
    }

    #[test]
    fn text_is_for_people() {
        let lines =
            logged(LogFormat::Text, || tracing::info!(count = 7, name = "a b", "it is there"));
        let (_time, rest) = lines[0].split_once(' ').unwrap();
        assert_eq!(rest, " INFO micro_socket::log::tests: it is there count=7 name=\"a b\"\n");
    }

    const PROCESS: &str = "log::tests::a_process_whose_threads_panic";

    /// A process with a log of its own, in JSON.
    fn process(stderr: Stdio) -> std::process::Output {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process
            .args(["--exact", PROCESS, "--ignored", "--nocapture"])
            .env_remove("RUST_BACKTRACE")
            .stderr(stderr)
            .output()
            .unwrap()
    }

    #[test]
    #[ignore = "started by the other tests in a process of its own"]
    fn a_process_whose_threads_panic() {
        let log = config::Log { format: LogFormat::Json, ..config::Log::default() };
        let _log = Log::start(&log).unwrap();
        for n in 0..20 {
            let panicking = thread::Builder::new()
                .name(format!("number {n}"))
                .spawn(move || panic!("of thread {n}"))
                .unwrap();
            assert!(panicking.join().is_err());
        }
    }

    #[test]
    fn panics_are_lines_of_the_log_and_repeats_are_counted() {
        let output = process(Stdio::piped());
        assert!(output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        let (panics, repeats): (Vec<_>, Vec<_>) =
            lines.iter().partition(|line| line["message"] == "a thread has panicked");
        for panic in &panics {
            let number = panic["thread"].as_str().unwrap().trim_start_matches("number ");
            assert_eq!(panic["reason"], format!("of thread {number}"));
            assert!(panic["at"].as_str().unwrap().contains("log.rs:"), "{panic}");
        }
        assert!(
            panics.len() < 20 && repeats.iter().all(|line| line["of"] == "a thread has panicked"),
            "{text}"
        );
        let left_out: u64 = repeats.iter().map(|line| line["count"].as_u64().unwrap()).sum();
        assert_eq!(panics.len() as u64 + left_out, 20);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_panic_holds_up_nothing_if_nothing_reads_the_log() {
        let (sender, _unread) = tokio::net::unix::pipe::pipe().unwrap();
        sender.writable().await.unwrap();
        while sender.try_write(&[b'x'; 4096]).is_ok() {}
        assert!(process(sender.into_blocking_fd().unwrap().into()).status.success());
    }
}
