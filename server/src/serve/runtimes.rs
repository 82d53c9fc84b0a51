//! The threads of the process. What serves has workers; what ends the process runs beside them, on
//! the main thread: a worker that is busy for long holds up neither signals nor the time limits of
//! the drain, and no thread that hangs keeps the process.

use std::{ffi::OsStr, future::Future, io, num::NonZeroUsize, thread::available_parallelism};
use tokio::runtime::{Builder, Runtime};

/// Tokio's own variable for the number of workers.
pub const WORKERS_VARIABLE: &str = "TOKIO_WORKER_THREADS";

/// Threads for calls that block: a few files, names of hosts, and what `/metrics` asks the system.
const BLOCKING_THREADS: usize = 16;

/// The environment asks for a number of workers that cannot be.
#[derive(Debug, thiserror::Error)]
#[error(
    "{WORKERS_VARIABLE}: found {0:?}; allowed: a number of threads from 1 on; or leave it out and set runtime.workers"
)]
pub struct BadWorkers(String);

/// How many workers there are: as many as `configured` (`runtime.workers`); if that is 0, as
/// `variable` says; else one for each core.
///
/// # Errors
/// [`BadWorkers`], if `variable` counts and is no number of threads.
pub fn workers(configured: usize, variable: Option<&OsStr>) -> Result<NonZeroUsize, BadWorkers> {
    match (NonZeroUsize::new(configured), variable) {
        (Some(workers), _) => Ok(workers),
        (None, Some(text)) => text
            .to_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| BadWorkers(text.to_string_lossy().into_owned())),
        (None, None) => Ok(available_parallelism().unwrap_or(NonZeroUsize::MIN)),
    }
}

/// The workers, and the runtime of the main thread.
#[derive(Debug)]
pub struct Runtimes {
    workers: Runtime,
    main: Runtime,
}

impl Runtimes {
    /// # Errors
    /// The system gives no threads or no descriptors.
    pub fn new(workers: NonZeroUsize) -> io::Result<Self> {
        let workers = Builder::new_multi_thread()
            .worker_threads(workers.get())
            .max_blocking_threads(BLOCKING_THREADS)
            .enable_all()
            .build()?;
        let main = Builder::new_current_thread().max_blocking_threads(1).enable_all().build()?;
        Ok(Self { workers, main })
    }

    /// Waits for `start`. What it spawns runs on the workers, and goes on.
    pub fn start<T>(&self, start: impl Future<Output = T>) -> T {
        self.workers.block_on(start)
    }

    /// Waits for `end`, which needs no worker to come, and leaves everything that still runs
    /// behind.
    pub fn end<T>(self, end: impl Future<Output = T>) -> T {
        let result = self.main.block_on(end);
        self.workers.shutdown_background();
        self.main.shutdown_background();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_comes_before_the_environment_and_the_cores_are_last() {
        let number = |configured, variable: Option<&str>| {
            workers(configured, variable.map(OsStr::new)).map(NonZeroUsize::get)
        };
        assert_eq!(number(3, Some("x")).unwrap(), 3);
        assert_eq!(number(0, Some("5")).unwrap(), 5);
        assert!(number(0, None).unwrap() >= 1);
        for bad in ["x", "0", "-1", "", "1.5"] {
            let text = number(0, Some(bad)).unwrap_err().to_string();
            assert!(
                text.starts_with(&format!("TOKIO_WORKER_THREADS: found {bad:?}; allowed: ")),
                "{text}"
            );
        }
    }
}
