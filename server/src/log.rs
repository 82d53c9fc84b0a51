//! The log on standard error. No token, session id or payload at any level: a connection is named by its number, a session by
//! its [`alias`]. (In demo mode the user's id is the token, so no user is named either.)

mod level;

use ring::digest::{SHA256, digest};
use std::{fmt::Write, io::IsTerminal};
use tracing_subscriber::{Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

pub use level::set_level;

/// Starts the log of this process. A second call changes nothing.
pub fn init(log: &Log) {
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let _already = tracing_subscriber::registry().with(level::filter(&log.level)).with(lines).try_init();
}

/// A short name for a secret, the same each time and of no use to whoever reads it.
pub(crate) fn alias(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().take(4).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_stable_and_short() {
        assert_eq!(alias("abc"), "ba7816bf");
        assert_ne!(alias("abc"), alias("abd"));
    }
}
