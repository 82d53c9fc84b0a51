//! What is logged: a level for all, and directives for single modules. It can be changed while the
//! process runs.

use std::sync::OnceLock;
use tracing_subscriber::{
    Registry,
    filter::{LevelFilter, ParseError, Targets},
    reload::{self, Handle},
};

/// The filter of this process's log, once it has been started.
static PRESENT: OnceLock<Handle<Targets, Registry>> = OnceLock::new();

/// The filter as a layer, which [`set_level`] changes from then on. The configuration has checked
/// `level`; a value that cannot be read logs nothing.
pub(super) fn filter(level: &str) -> reload::Layer<Targets, Registry> {
    let (layer, handle) = reload::Layer::new(targets(level).unwrap_or_default());
    // `Log::start` refuses a second log: the first one's handle stays.
    let _second = PRESENT.set(handle);
    layer
}

/// The backbone says itself when a connection breaks and comes back. What its client library says
/// of that is left out, unless `level` names the library.
fn targets(level: &str) -> Result<Targets, ParseError> {
    const LIBRARY: &str = "async_nats";
    let targets: Targets = level.parse()?;
    let is_named = level.contains(LIBRARY);
    Ok(if is_named { targets } else { targets.with_target(LIBRARY, LevelFilter::OFF) })
}

/// Logs by `level` from now on, a value as `log.level` takes it. It changes nothing if no
/// [`Log`](super::Log) has been started.
///
/// # Errors
/// [`ParseError`]: the level stays as it is.
pub fn set_level(level: &str) -> Result<(), ParseError> {
    let filter = targets(level)?;
    if let Some(present) = PRESENT.get() {
        // It fails only if the subscriber has gone, which stays for the life of the process.
        let _gone = present.reload(filter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{Level, enabled};
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn the_level_changes_while_the_process_runs_and_stays_if_a_new_one_is_broken() {
        let subscriber = tracing_subscriber::registry().with(filter("warn"));
        tracing::subscriber::with_default(subscriber, || {
            let enabled = || {
                (
                    enabled!(Level::WARN),
                    enabled!(Level::DEBUG),
                    enabled!(target: "other", Level::DEBUG),
                )
            };
            assert_eq!(enabled(), (true, false, false));
            set_level("info,micro_socket::log=debug").unwrap();
            assert_eq!(enabled(), (true, true, false));
            assert!(set_level("micro_socket=chatty").is_err());
            assert_eq!(enabled(), (true, true, false));
            set_level("off").unwrap();
            assert_eq!(enabled(), (false, false, false));
        });
    }
}
