//! The log on standard error. No payload above `debug`, no token at any level.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts the log of this process. A second call changes nothing.
pub fn init(log: &Log) {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&log.level)).with_writer(std::io::stderr);
    let _already = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
